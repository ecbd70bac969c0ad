import type { Access } from "../../../core/access.ts";
import type { ClientMemory } from "../../../core/client-memory.ts";
import { ServeError } from "../../../core/errors.ts";
import type { HttpReply, HttpRequest, Route } from "../../../core/http.ts";
import { isStream, type Parameters, type Payload, type Target } from "../../../core/inference.ts";
import type { ControlPlane, DataPlane } from "../../../core/planes.ts";
import {
  assertMethodName,
  failJson,
  hasMoreElements,
  jsonReply,
  modelsReply,
  readinessReply,
  streamReply,
  targetOf,
  unexpected,
  wantsEvents,
} from "../../shared/index.ts";
import { RequestRegions } from "../extensions/request-regions.ts";
import { type DecodedInfer, decodeInfer } from "./decode.ts";
import { type AnswerHead, encodeInfer, encodeText } from "./encode.ts";
import { decodeLarge, encodeLarge, isLarge, type LargeInfer } from "./large.ts";
import { methodMetadata, modelMetadata } from "./metadata.ts";
import { applySchedule, modelParameters } from "./schedule-parameters.ts";
import { sharedMemoryRoutes } from "./shared-memory.ts";

export interface OipOptions {
  readonly dataPlane: DataPlane;
  readonly controlPlane: ControlPlane;
  /** Shared memory of clients. */
  readonly memory: ClientMemory;
  readonly serverName: string;
  readonly serverVersion: string;
  /** Without it everything is read and written in the event loop. */
  readonly large?: LargeInfer | undefined;
}

const EXTENSIONS = ["binary_tensor_data", "system_shared_memory", "cuda_shared_memory"];

/** The Open Inference Protocol over REST, with Triton's binary tensor extension. */
export function createOipRoutes({ dataPlane, controlPlane, memory, serverName, serverVersion, large }: OipOptions): Route[] {
  const question = (path: string, access: Access, handle: Route["handle"]): Route => ({
    method: "GET",
    path,
    access,
    handle,
    fail: failJson,
  });
  const aboutModel = (path: string, handle: Route["handle"]): Route => ({ ...question(path, "read", handle), target: targetOf });
  const both = (path: string, make: (path: string) => Route): Route[] => [
    make(`/v2/models/{model}${path}`),
    make(`/v2/models/{model}/versions/{version}${path}`),
  ];
  return [
    question("/v2", "read", () => jsonReply(JSON.stringify({ name: serverName, version: serverVersion, extensions: EXTENSIONS }))),
    question("/v2/health/live", "public", () => jsonReply('{"live":true}')),
    question("/v2/health/ready", "public", (request) =>
      isReady(controlPlane, request) ? jsonReply('{"ready":true}') : jsonReply('{"ready":false}', 503),
    ),
    question("/v2/models", "read", (request) => modelsReply(controlPlane, request)),
    ...both("", (path) =>
      aboutModel(path, async (request) => {
        const target = targetOf(request);
        return jsonReply(modelMetadata(await controlPlane.describe(target, request.context), controlPlane.versions(target)));
      }),
    ),
    ...both("/ready", (path) => aboutModel(path, (request) => readinessReply(controlPlane.get(targetOf(request))))),
    ...both("/methods/{method}", (path) =>
      aboutModel(path, async (request) => {
        const target = targetOf(request);
        return jsonReply(methodMetadata(await controlPlane.describe(target, request.context), target.method ?? ""));
      }),
    ),
    ...["/infer", "/methods/{method}/infer"].flatMap((end) =>
      both(end, (path) => ({
        method: "POST",
        path,
        access: "infer",
        target: targetOf,
        protocol: "oip",
        gate: (head) => dataPlane.admit(targetOf(head), head.declaredBytes, head.context),
        handle: (request) => infer(dataPlane, memory, large, request),
        fail: failJson,
      })),
    ),
    ...sharedMemoryRoutes(memory),
  ];
}

/** The parameter `method` names one; a method in the path wins. @throws ServeError */
function withMethod(target: Target, parameters: Parameters | undefined): Target {
  const method = parameters?.method;
  if (method === undefined || target.method !== undefined) return target;
  if (typeof method !== "string") throw unexpected("parameters.method", "the name of a method", method);
  assertMethodName(method, target.name);
  return { ...target, method };
}

/** Of the server, or of the one service in the path. */
function isReady(controlPlane: ControlPlane, { params, headers }: HttpRequest): boolean {
  if (params.service === undefined) return controlPlane.ready();
  return controlPlane.get(targetOf({ params: { ...params, model: params.service }, headers })).answers;
}

async function infer(dataPlane: DataPlane, memory: ClientMemory, large: LargeInfer | undefined, request: HttpRequest): Promise<HttpReply> {
  const target = targetOf(request);
  const { context } = request;
  context.record.model = target.name;
  const decoded =
    large !== undefined && isLarge(request, large) ? await decodeLarge(large, request) : decodeInfer(request.body, request.headers);
  const { id, outputs, parameters: all, binary } = decoded;
  if (all !== undefined) applySchedule(all, context);
  const parameters = all === undefined ? undefined : modelParameters(all);
  const regions = regionsOf(memory, context.principal, decoded);
  try {
    const { modelName, modelVersion, output } = await dataPlane.infer({
      target: withMethod(target, all),
      payload: { kind: "tensors", tensors: regions === undefined ? decoded.tensors : await regions.fill(decoded.tensors) },
      context,
      ...(outputs === undefined ? {} : { outputs }),
      ...(parameters === undefined ? {} : { parameters }),
    });
    const head = { modelName, modelVersion, id };
    if (isStream(output)) return inEvents(head, output, request);
    if (regions !== undefined && output.kind === "tensors") return encodeInfer(head, output, binary, await regions.write(output.tensors));
    if (large !== undefined && hasMoreElements(output, large.maxElements) && !output.tensors.every(({ name }) => binary(name)))
      return await encodeLarge(large, head, output.tensors, binary, context);
    return encodeInfer(head, output, binary);
  } finally {
    regions?.release();
  }
}

function regionsOf(memory: ClientMemory, owner: string, { placedInputs, placedOutputs }: DecodedInfer): RequestRegions | undefined {
  if (placedInputs === undefined && placedOutputs === undefined) return undefined;
  return new RequestRegions(memory, owner, placedInputs ?? [], placedOutputs ?? {});
}

function inEvents(head: AnswerHead, payloads: AsyncIterable<Payload>, { context, headers }: HttpRequest): HttpReply {
  if (!wantsEvents(headers)) {
    throw new ServeError(
      "UNIMPLEMENTED",
      `model '${head.modelName}' answers with a stream: ask for it with the header 'Accept: text/event-stream'`,
    );
  }
  return streamReply({ context, payloads, encode: (payload) => encodeText(head, payload), asEvents: true });
}
