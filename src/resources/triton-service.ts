import type { JsonObject } from "../core/inference.ts";
import type { InferenceService, ServingRuntime } from "../core/resource.ts";
import { ANNOTATIONS } from "./annotations.ts";
import { hasOwnServer, isElsewhere } from "./containers/read-upstream.ts";
import { listIn, mapIn, textIn } from "./json-fields.ts";
import { LEGACY_KEYS } from "./schema/inference-service.ts";
import { serverAnnotations } from "./server-annotations.ts";
import { serverContainerIndex } from "./server-fields.ts";
import { readTritonArguments, type TritonArguments } from "./triton-arguments.ts";

const SERVER = /(?:^|[/-])tritonserver(?:$|[:@-])/;
/** Formats of which Triton's models are served here without Triton. */
const FORMATS: readonly string[] = ["triton", "onnx", "python"];

/**
 * What a service asks of Triton whose models are a Triton model repository that this server reads by itself; undefined for all others. Its
 * runtime's own program is started when somebody says how (`nitrous/run-as`), and when its arguments name backends of its own.
 */
export function tritonRepositoryOf(service: InferenceService, runtime: ServingRuntime | undefined): TritonArguments | undefined {
  const { predictor, annotations } = service;
  const { model } = predictor;
  if (model?.storageUri === undefined || runtime === undefined || !FORMATS.includes(model.format.name)) return undefined;
  if (runtime.multiModel || runtime.multiNode || predictor.multiNode || isElsewhere(service)) return undefined;
  const container = containerOf(runtime);
  if (model.format.name !== "triton" && !isTriton(runtime, container)) return undefined;
  const said = serverAnnotations(runtime.pod?.annotations ?? {}, annotations);
  if (said.runAs !== undefined || said.url !== undefined) return undefined;
  const words = [container, writtenModel(predictor.pod)].flatMap((each) => listIn(each, "args")).filter((each) => typeof each === "string");
  const read = readTritonArguments(words);
  return read.hasOwnBackends ? undefined : read;
}

/** Whether a server of its own answers for a service, and none of this server's. */
export function runsOwnServer(service: InferenceService, runtime: ServingRuntime | undefined): boolean {
  return hasOwnServer(service, runtime) && tritonRepositoryOf(service, runtime) === undefined;
}

function isTriton({ pod, name }: ServingRuntime, container: unknown): boolean {
  const program = pod?.annotations[ANNOTATIONS.program];
  if (program !== undefined) return program === "triton";
  // What KServe's runtime of this name is here.
  if (pod === undefined) return name === "kserve-tritonserver";
  const said = [textIn(container, "image"), ...listIn(container, "command"), ...listIn(container, "args")];
  return said.some((text) => typeof text === "string" && SERVER.test(text));
}

function containerOf({ pod }: ServingRuntime): unknown {
  return pod === undefined ? undefined : listIn(pod.spec, "containers")[serverContainerIndex(pod.spec)];
}

function writtenModel(predictor: JsonObject): unknown {
  const key = ["model", ...LEGACY_KEYS].find((each) => mapIn(predictor, each) !== undefined);
  return key === undefined ? undefined : mapIn(predictor, key);
}
