import type { ServingRuntime } from "../core/resource.ts";
import { lowestProtocol, protocolRank } from "./runtime-question.ts";

interface Criterion {
  /** Negative when the left one is preferred. */
  compare(left: ServingRuntime, right: ServingRuntime, format: string): number;
  /** Why `better` is preferred, said of it; `other` is the word for the runtime that it is compared with. */
  reason(better: ServingRuntime, worse: ServingRuntime, format: string, other: string): string;
}

/**
 * KServe's order, strongest first. KServe sorts each scope by protocol, age and name, then stably by priority, and puts
 * the namespace's list before the cluster's, which comes to the same (predictor_model.go, GetSupportingRuntimes).
 */
const CRITERIA: readonly Criterion[] = [
  {
    compare: (left, right) => Number(left.namespace === undefined) - Number(right.namespace === undefined),
    reason: (_better, _worse, _format, other) => `it is in the namespace, ${other} is for the whole cluster`,
  },
  {
    compare: (left, right, format) => (priorityFor(right, format) ?? 0) - (priorityFor(left, format) ?? 0),
    reason: (better, worse, format, other) =>
      `it has priority ${priorityFor(better, format)}, ${other} ${priorityFor(worse, format) ?? "none"}`,
  },
  {
    compare: (left, right) => protocolRank(left) - protocolRank(right),
    reason: (better, worse, _format, other) =>
      `the lowest protocol that it names is ${lowestProtocol(better)}, ${other} names ${lowestProtocol(worse) ?? "none"}`,
  },
  {
    compare: (left, right) => secondsOf(right) - secondsOf(left),
    reason: () => "it is newer",
  },
  {
    compare: (left, right) => (left.name < right.name ? -1 : Number(left.name > right.name)),
    reason: () => "it comes first by name",
  },
];

/** Compares two runtimes for a format: negative when KServe prefers the left one. */
export function comparePreference(left: ServingRuntime, right: ServingRuntime, format: string): number {
  return decisive(left, right, format)?.compare(left, right, format) ?? 0;
}

/** Why the first runtime is preferred to the second, as a clause about the first. */
export function whyPreferred(better: ServingRuntime, worse: ServingRuntime, format: string, other: string): string {
  return decisive(better, worse, format)?.reason(better, worse, format, other) ?? "they are equal";
}

function decisive(left: ServingRuntime, right: ServingRuntime, format: string): Criterion | undefined {
  return CRITERIA.find(({ compare }) => compare(left, right, format) !== 0);
}

/** Of the first entry with that name, whatever its version and autoSelect are, as KServe does; at least 1. */
function priorityFor({ formats }: ServingRuntime, format: string): number | undefined {
  return formats.find(({ name }) => name === format)?.priority;
}

/** Without a valid time a runtime is older than any other. */
function secondsOf({ creationTimestamp }: ServingRuntime): number {
  const milliseconds = Date.parse(creationTimestamp);
  return Number.isNaN(milliseconds) ? Number.MIN_SAFE_INTEGER : Math.floor(milliseconds / 1000);
}
