import type { CallOrigin } from "../src/core/replica.ts";

/** What a replica is told of a request, with what a test does not care about filled in. */
export function callOrigin(given: Partial<CallOrigin>): CallOrigin {
  return {
    id: undefined,
    headers: undefined,
    deadline: Number.POSITIVE_INFINITY,
    principal: "",
    priority: undefined,
    models: ["model"],
    signal: new AbortController().signal,
    ...given,
  };
}
