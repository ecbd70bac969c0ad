import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import type { GrpcMethod } from "../../../core/grpc.ts";
import type { ControlPlane } from "../../../core/planes.ts";
import {
  ModelConfigRequestSchema,
  ModelConfigResponseSchema,
  ModelStatisticsRequestSchema,
  ModelStatisticsResponseSchema,
} from "../../../grpc-messages/index.ts";
import { namespaceOf } from "../../shared/index.ts";
import type { Extensions } from "../extensions/extensions.ts";
import { modelConfiguration } from "../extensions/model-configuration.ts";
import { modelStatistics } from "../extensions/statistics.ts";
import { asTriton } from "../rest/route-kinds.ts";
import { SERVICE, targetOfModel } from "./target.ts";
import { typedMethod } from "./typed-method.ts";

type Control = Pick<ControlPlane, "list" | "versions" | "describe">;

/** ModelConfig, in what the extension says of it as JSON. */
export function createConfigurationMethod(controlPlane: Control, extensions: Extensions): GrpcMethod {
  return typedMethod({
    path: `${SERVICE}/ModelConfig`,
    access: "read",
    request: ModelConfigRequestSchema,
    response: ModelConfigResponseSchema,
    target: ({ name, version }, { metadata }) => targetOfModel(name, version, metadata),
    async handle(_request, { context }, target) {
      const status = await asTriton(target.name, extensions.profile.unavailableIsUnknown, () => controlPlane.describe(target, context));
      const config = modelConfiguration(status, extensions) as JsonValue;
      return fromJson(ModelConfigResponseSchema, { config });
    },
  });
}

/** ModelStatistics, of one model or of all. */
export function createStatisticsMethod(controlPlane: Control, { statistics }: Extensions): GrpcMethod {
  return typedMethod({
    path: `${SERVICE}/ModelStatistics`,
    access: "read",
    request: ModelStatisticsRequestSchema,
    response: ModelStatisticsResponseSchema,
    target: ({ name, version }, { metadata }) => (name === "" ? undefined : targetOfModel(name, version, metadata)),
    handle(_request, { metadata }, target) {
      const wanted = target ?? { namespace: namespaceOf({ params: {}, headers: metadata }) };
      return fromJson(ModelStatisticsResponseSchema, { model_stats: modelStatistics(controlPlane, statistics, wanted) as never });
    },
  });
}
