import type { PredictorModel, ProtocolVersion, ServingRuntime } from "../core/resource.ts";

/** What selection needs to know of an InferenceService. */
export interface RuntimeQuestion {
  readonly namespace: string;
  readonly model: Pick<PredictorModel, "format" | "runtime" | "protocolVersion">;
  /** The predictor has a workerSpec. */
  readonly multiNode: boolean;
}

/** KServe's rank of protocols, lowest first (pkg/constants). */
const PROTOCOLS: readonly ProtocolVersion[] = ["v1", "v2", "grpc-v1", "grpc-v2"];

/** What a model that names neither a runtime nor a protocol is asked to speak (KServe's ModelSpec.GetProtocol). */
export const DEFAULT_PROTOCOL: ProtocolVersion = "v1";

/** The lowest-ranked protocol that a runtime names; undefined for one that names none, which speaks them all. */
export function lowestProtocol({ protocolVersions }: ServingRuntime): ProtocolVersion | undefined {
  return PROTOCOLS.find((protocol) => protocolVersions.includes(protocol));
}

/** Position of the lowest protocol among all; a runtime that names none comes after every other. */
export function protocolRank(runtime: ServingRuntime): number {
  const lowest = lowestProtocol(runtime);
  return lowest === undefined ? PROTOCOLS.length : PROTOCOLS.indexOf(lowest);
}

/** The wanted format in words: `sklearn`, or `sklearn version 1`. */
export function formatInWords({ name, version }: PredictorModel["format"]): string {
  return version === undefined ? name : `${name} version ${version}`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listInWords(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}
