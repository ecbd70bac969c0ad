import type { JsonObject } from "../../core/inference.ts";
import type { UpstreamEndpoint } from "../../core/upstream.ts";
import { mapIn, numberIn, textIn } from "../json-fields.ts";

/** Built-in adapters of ModelMesh whose servers have Open Inference Protocol's repository extension at their management port. */
const ADAPTED = ["triton", "mlserver"];

/**
 * Where a runtime for several models loads and unloads them, when that is not where it answers: `grpcMultiModelManagementEndpoint` and
 * ModelMesh's `builtInAdapter`. Source: ModelMesh's ServingRuntime, whose endpoints are written `port:8001`.
 */
export function managementEndpoint(spec: JsonObject): UpstreamEndpoint | undefined {
  const [, written] = /^port:(\d{1,5})$/.exec(textIn(spec, "grpcMultiModelManagementEndpoint") ?? "") ?? [];
  const adapter = mapIn(spec, "builtInAdapter");
  const adapted = ADAPTED.includes(textIn(adapter, "serverType") ?? "") ? numberIn(adapter, "runtimeManagementPort") : undefined;
  const port = written === undefined ? adapted : Number(written);
  return port === undefined || port === 0 ? undefined : { protocol: "grpc-v2", port };
}
