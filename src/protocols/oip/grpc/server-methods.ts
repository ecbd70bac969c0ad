import type { GrpcMethod } from "../../../core/grpc.ts";
import type { ControlPlane } from "../../../core/planes.ts";
import {
  ModelMetadataRequestSchema,
  ModelMetadataResponseSchema,
  ModelReadyRequestSchema,
  ModelReadyResponseSchema,
  ServerLiveRequestSchema,
  ServerLiveResponseSchema,
  ServerMetadataRequestSchema,
  ServerMetadataResponseSchema,
  ServerReadyRequestSchema,
  ServerReadyResponseSchema,
} from "../../../grpc-messages/index.ts";
import type { ProfileRules } from "../profile.ts";
import { modelMetadata } from "../rest/metadata.ts";
import { asTriton } from "../rest/route-kinds.ts";
import { SERVICE, targetOfModel } from "./target.ts";
import { typedMethod } from "./typed-method.ts";

export interface MetadataOptions {
  readonly controlPlane: Pick<ControlPlane, "describe" | "versions">;
  readonly serverName: string;
  readonly serverVersion: string;
  readonly extensions: readonly string[];
  readonly profile: Pick<ProfileRules, "unavailableIsUnknown">;
}

interface Tensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
}

/** The answer of REST about a model: both say the same. */
interface Metadata {
  readonly name: string;
  readonly versions: string[];
  readonly platform: string;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly properties?: Record<string, string>;
}

/** Whether the server and its models are ready. */
export function createReadinessMethods(controlPlane: Pick<ControlPlane, "ready" | "readiness">): GrpcMethod[] {
  return [
    typedMethod({
      path: `${SERVICE}/ServerLive`,
      access: "public",
      request: ServerLiveRequestSchema,
      response: ServerLiveResponseSchema,
      handle: () => ({ live: true }),
    }),
    typedMethod({
      path: `${SERVICE}/ServerReady`,
      access: "public",
      request: ServerReadyRequestSchema,
      response: ServerReadyResponseSchema,
      handle: () => ({ ready: controlPlane.ready() }),
    }),
    typedMethod({
      path: `${SERVICE}/ModelReady`,
      access: "read",
      request: ModelReadyRequestSchema,
      response: ModelReadyResponseSchema,
      target: ({ name, version }, { metadata }) => targetOfModel(name, version, metadata),
      handle: async (_request, _call, target) => ({ ready: (await controlPlane.readiness(target)).answers }),
    }),
  ];
}

/** What the server and its models are. */
export function createMetadataMethods(options: MetadataOptions): GrpcMethod[] {
  const { controlPlane, serverName, serverVersion, extensions, profile } = options;
  return [
    typedMethod({
      path: `${SERVICE}/ServerMetadata`,
      access: "read",
      request: ServerMetadataRequestSchema,
      response: ServerMetadataResponseSchema,
      handle: () => ({ name: serverName, version: serverVersion, extensions: [...extensions] }),
    }),
    typedMethod({
      path: `${SERVICE}/ModelMetadata`,
      access: "read",
      request: ModelMetadataRequestSchema,
      response: ModelMetadataResponseSchema,
      target: ({ name, version }, { metadata }) => targetOfModel(name, version, metadata),
      async handle(_request, { context }, target) {
        const status = await asTriton(target.name, profile.unavailableIsUnknown, () => controlPlane.describe(target, context));
        const { inputs, outputs, ...model } = JSON.parse(modelMetadata(status, controlPlane.versions(target))) as Metadata;
        return { ...model, inputs: inputs.map(tensorOf), outputs: outputs.map(tensorOf) };
      },
    }),
  ];
}

function tensorOf({ name, datatype, shape }: Tensor): { name: string; datatype: string; shape: bigint[] } {
  return { name, datatype, shape: shape.map(BigInt) };
}
