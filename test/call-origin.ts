import type { CallOrigin } from "../src/core/replica.ts";
import { whenAborted } from "../src/core/when-aborted.ts";

/** What a replica is told of a request, with what a test does not care about filled in. */
export function callOrigin({ signal = new AbortController().signal, ...given }: Partial<CallOrigin>): CallOrigin {
  return {
    id: undefined,
    headers: undefined,
    deadline: Number.POSITIVE_INFINITY,
    principal: "",
    priority: undefined,
    models: ["model"],
    signal,
    onEnd: (listener) => void whenAborted(signal, listener),
    ...given,
  };
}
