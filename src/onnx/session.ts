import { InferenceSession } from "onnxruntime-node";
import { messageOf, ServeError } from "../core/errors.ts";
import type { Tensor } from "../core/tensor.ts";
import { fromOrt, toOrt } from "./tensors.ts";

/**
 * Opens a graph, given as its file's path or bytes, for calls that use so many threads.
 * @throws ServeError INVALID_ARGUMENT for what is no ONNX model
 */
export async function createSession(graph: string | Uint8Array, threads: number): Promise<InferenceSession> {
  const options: InferenceSession.SessionOptions = {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
    logSeverityLevel: 3,
    // Idle threads that spin would take the processor from other models.
    extra: { session: { intra_op: { allow_spinning: "0" } } },
  };
  try {
    return typeof graph === "string" ? await InferenceSession.create(graph, options) : await InferenceSession.create(graph, options);
  } catch (error) {
    const hint = "if it is damaged or cut off, copy or export it again";
    throw new ServeError(
      "INVALID_ARGUMENT",
      `its file is not an ONNX model that can be read here: ${messageOf(error).replace(/\.$/, "")}; ${hint}`,
    );
  }
}

/**
 * The outputs that are wanted, all of them by default, in that order.
 * @throws ServeError INVALID_ARGUMENT when the graph refuses the input
 */
export async function runSession(
  session: InferenceSession,
  tensors: readonly Tensor[],
  wanted: readonly string[] | undefined,
): Promise<Tensor[]> {
  const feeds = Object.fromEntries(tensors.map((tensor) => [tensor.name, toOrt(tensor)]));
  const names = wanted ?? session.outputNames;
  try {
    const results = await session.run(feeds, names);
    return names.map((name) => fromOrt(name, results[name] as NonNullable<(typeof results)[string]>));
  } catch (error) {
    // The shapes fit the declared ones, so what the graph refuses is in the values or the variable dimensions.
    throw new ServeError("INVALID_ARGUMENT", `the model refused the input: ${messageOf(error)}`);
  }
}

/** An ONNX model whose graph gives its one input back. */
const IDENTITY = "CAg6NwoQCgF4EgF5IghJZGVudGl0eRIBZ1oPCgF4EgoKCAgBEgQKAggBYg8KAXkSCgoICAESBAoCCAFCAhAR";

/** What the first session of a process would wait for: the set-up of the library. */
export async function initializeRuntime(): Promise<void> {
  const session = await createSession(Buffer.from(IDENTITY, "base64"), 1);
  await session.release();
}
