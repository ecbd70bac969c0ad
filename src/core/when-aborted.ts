import { setMaxListeners } from "node:events";

/** Calls back when the signal is aborted; returns the function that takes that back. Any number of requests may have the same signal. */
export function whenAborted(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal === undefined) return () => undefined;
  // From the eleventh listener on Node prints that something leaks.
  setMaxListeners(0, signal);
  signal.addEventListener("abort", callback, { once: true });
  return () => signal.removeEventListener("abort", callback);
}
