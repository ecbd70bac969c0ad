import { InferenceSession } from "onnxruntime-node";
import { messageOf, ServeError } from "../core/errors.ts";
import type { Tensor } from "../core/tensor.ts";
import { openOnFirst } from "./providers.ts";
import { fromOrt, toOrt } from "./tensors.ts";
import { unreadable } from "./unreadable.ts";

export interface SessionSettings {
  /** Threads of one call. */
  readonly threads: number;
  /** Providers in the order in which they are tried; the processor alone when absent. */
  readonly providers?: readonly string[];
  /** The number of the graphics processor, for the providers that have several. */
  readonly device?: number;
  readonly options?: InferenceSession.SessionOptions;
}

export interface OpenSession {
  readonly session: InferenceSession;
  /** What an operator should know: a provider that was wanted and is not there. */
  readonly warnings: readonly string[];
}

/**
 * Opens a graph, given as its file's path or bytes.
 * @throws ServeError INVALID_ARGUMENT for what is no ONNX model, UNIMPLEMENTED for one that this binding cannot serve,
 * FAILED_PRECONDITION when a required execution provider is not there
 */
export async function openSession(
  graph: string | Uint8Array,
  { threads, providers = ["cpu"], device, options = {} }: SessionSettings,
): Promise<OpenSession> {
  const common: InferenceSession.SessionOptions = {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
    logSeverityLevel: 3,
    // Idle threads that spin would take the processor from other models.
    extra: { session: { intra_op: { allow_spinning: "0" } } },
    ...options,
  };
  const create = (chosen: readonly string[]): Promise<InferenceSession> => {
    const executionProviders = chosen.map((name) => (name === "cpu" || device === undefined ? name : { name, deviceId: device }));
    const all = { ...common, executionProviders };
    return typeof graph === "string" ? InferenceSession.create(graph, all) : InferenceSession.create(graph, all);
  };
  const { session, provider, passedOver } = await openOnFirst(providers, async (chosen) => {
    try {
      return await create(chosen);
    } catch (error) {
      throw chosen[0] === "cpu" ? unreadable(error) : error;
    }
  });
  return { session, warnings: passedOver.length === 0 ? [] : [`it runs on ${provider}, because of ${passedOver.join("; ")}`] };
}

/** {@link openSession} on the processor, without settings. */
export async function createSession(graph: string | Uint8Array, threads: number): Promise<InferenceSession> {
  return (await openSession(graph, { threads })).session;
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
    if (error instanceof ServeError) throw error;
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
