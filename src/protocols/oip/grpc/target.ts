import type { GrpcCall } from "../../../core/grpc.ts";
import type { Target } from "../../../core/inference.ts";
import { targetOf } from "../../shared/index.ts";

/** Of all calls of the protocol. */
export const SERVICE = "/inference.GRPCInferenceService";

/** A model by its name and version, where an empty version is its latest. @throws ServeError NOT_FOUND for what no model can have */
export function targetOfModel(model: string, version: string, metadata: GrpcCall["metadata"]): Target {
  return targetOf({ params: version === "" ? { model } : { model, version }, headers: metadata });
}
