import type { Socket } from "node:net";
import { ServeError } from "../core/errors.ts";
import type { Response } from "./message.ts";

/**
 * Undefined when a response that has ended has left as a whole; else settles when it has. A client that takes nothing for `timeoutMs`
 * loses its connection.
 * @throws ServeError CANCELLED when the connection ends before that
 */
export function untilSent(response: Response, timeoutMs: number): Promise<void> | undefined {
  return response.writableFinished && !response.destroyed ? undefined : until("finish", response, timeoutMs);
}

/** Settles when a stream may send more, on the same conditions. @throws ServeError CANCELLED */
export function untilTaken(response: Response, timeoutMs: number): Promise<void> {
  return until("drain", response, timeoutMs);
}

function until(event: "finish" | "drain", response: Response, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let socket: Socket | null = null;
    // A response behind others has no socket yet, which is not its client's doing.
    const begin = (): void => {
      socket = response.socket;
      socket?.setTimeout(timeoutMs);
    };
    const settle = (): void => {
      response.off("socket", begin);
      response.off(event, settle);
      response.off("close", settle);
      socket?.setTimeout(0);
      // Node says "finish" of what could not be sent, too.
      const isGone = response.destroyed || socket?.destroyed === true || (event === "finish" && !response.writableFinished);
      if (isGone) reject(new ServeError("CANCELLED", "the client went away"));
      else resolve();
    };
    if (response.destroyed) return settle();
    if (response.socket === null) response.on("socket", begin);
    else begin();
    // Before Node's own listener, which gives the connection its time for the next request.
    response.prependListener(event, settle);
    response.on("close", settle);
  });
}
