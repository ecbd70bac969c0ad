import type { CallOrigin } from "../../core/replica.ts";
import { whenAborted } from "../../core/when-aborted.ts";

/** Of what a model asks for its own sake. */
export function ownOrigin(model: string, signal: AbortSignal): CallOrigin {
  return {
    id: undefined,
    headers: undefined,
    deadline: Number.POSITIVE_INFINITY,
    principal: "",
    priority: undefined,
    models: [model],
    signal,
    onEnd: (listener) => void whenAborted(signal, listener),
  };
}

/** The same origin with another end. Its fields may be getters of a class, so they are named. */
export function withSignal(origin: CallOrigin, signal: AbortSignal, deadline: number): CallOrigin {
  const { id, headers, principal, priority, models, revision } = origin;
  return { id, headers, deadline, principal, priority, models, revision, signal, onEnd: (listener) => void whenAborted(signal, listener) };
}

/** Of requests that share a call: it ends when nobody waits for any of them. The first one pays. */
export function sharedOrigin(origins: readonly CallOrigin[]): CallOrigin {
  const [first] = origins as [CallOrigin];
  if (origins.length === 1) return first;
  const controller = new AbortController();
  const end = (): void => {
    if (origins.every(({ signal }) => signal.aborted)) controller.abort(first.signal.reason);
  };
  for (const { signal } of origins) whenAborted(signal, end);
  end();
  return withSignal(first, controller.signal, Math.max(...origins.map(({ deadline }) => deadline)));
}
