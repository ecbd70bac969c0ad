import { ServeError } from "../core/errors.ts";
import { whenAborted } from "../core/when-aborted.ts";
import type { HandleFuture } from "./model-handle.ts";

/** Milliseconds that one question waits for the answer. */
const WAIT_MS = 20_000;

/** Asks a server for one thing; every answer but those of 2xx is an error. */
export type Ask = (path: string, init: { readonly method?: string; readonly signal?: AbortSignal }) => Promise<Response>;

/** A future that the server keeps: it is asked until it has the answer, which is kept here then. */
export function createHttpFuture(
  ask: Ask,
  id: string,
  signal: AbortSignal | undefined,
  outputOf: (response: Response) => Promise<unknown>,
): HandleFuture<unknown> {
  const path = `/nitrous/futures/${encodeURIComponent(id)}`;
  const controller = new AbortController();
  let done = false;
  const poll = async (): Promise<unknown> => {
    try {
      for (;;) {
        const response = await ask(`${path}?wait=${WAIT_MS}`, { signal: controller.signal });
        if (response.status !== 202) return await outputOf(response);
        await response.arrayBuffer();
      }
    } catch (error) {
      throw controller.signal.aborted ? controller.signal.reason : error;
    } finally {
      done = true;
      forget();
    }
  };
  const cancel = async (reason: unknown): Promise<void> => {
    if (done) return;
    controller.abort(reason);
    // It may have ended meanwhile.
    await ask(path, { method: "DELETE" }).catch(() => undefined);
  };
  const forget = whenAborted(signal, () => void cancel(signal?.reason));
  const outcome = poll();
  // Nobody may ever ask for it.
  outcome.catch(() => undefined);
  return {
    id,
    get done() {
      return done;
    },
    result: () => outcome,
    cancel: () => cancel(new ServeError("CANCELLED", "the request was cancelled")),
  };
}
