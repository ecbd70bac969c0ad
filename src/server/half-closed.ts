import type { Socket } from "node:net";
import type { Response } from "./message.ts";

/**
 * Milliseconds between the questions to a client that has ended its sending side. Few: each is an answer that it has to skip. After each
 * comes another: it finds what the one before has stirred up, the reset of a client that is not there any more.
 */
const PAUSES_MS = [10, 200, 1000, 10, 10_000, 10];

/**
 * A client that has ended its sending side may have gone, or wait for its answer: TCP does not tell the two apart before something is
 * sent. What is sent changes no answer: before its head `100 Continue`, which every client of HTTP/1.1 has to take and may ignore
 * (RFC 9110, 15.2.1), and between two chunks a leading zero of the next one's size (RFC 9112, 7.1). Where neither is allowed, in
 * HTTP/1.0, the client counts as gone. `current` is the response that the client waits for now.
 */
export function askWhetherItReads(socket: Socket, current: () => Response | undefined, asked = 0): void {
  const response = current();
  // What has been handed over in whole is sent, or fails, without a question.
  if (response === undefined || response.writableEnded || socket.destroyed) return;
  if (response.req.httpVersion !== "1.1") {
    socket.destroy();
    return;
  }
  if (!response.headersSent) response.writeContinue();
  else if (response.chunkedEncoding) socket.write("0");
  const pause = PAUSES_MS[asked];
  if (pause === undefined) return;
  const timer = setTimeout(() => askWhetherItReads(socket, current, asked + 1), pause);
  socket.once("close", () => clearTimeout(timer));
}
