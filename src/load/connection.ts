import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { AnswerReader } from "./answer-reader.ts";

/** How a request ended: with an HTTP status, or without an answer. */
export type Outcome = number | "connection refused" | "connection closed" | "no answer" | "hung up";

/** One connection that has one request under way at most. */
export interface Connection {
  /** False from when it has been closed by either side. */
  readonly usable: boolean;
  /** Tells the outcome exactly once. */
  send(request: Uint8Array, done: (outcome: Outcome) => void): void;
  /** Goes away; a request under way ends with `outcome`. */
  close(outcome: Outcome): void;
}

/**
 * A keep-alive HTTP/1.1 connection on a bare socket: node:http would cost more than the server that is measured. It connects at once, and
 * what is sent before it has done so goes out then.
 */
export function openConnection(origin: URL): Connection {
  const secure = origin.protocol === "https:";
  const host = origin.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = Number(origin.port) || (secure ? 443 : 80);
  const socket: Socket = secure
    ? connectTls({ host, port, servername: host, ALPNProtocols: ["http/1.1"] })
    : connectPlain({ host, port, noDelay: true });
  const reader = new AnswerReader();
  let connected = false;
  let usable = true;
  let done: ((outcome: Outcome) => void) | undefined;

  const finish = (outcome: Outcome): void => {
    const tell = done;
    done = undefined;
    tell?.(outcome);
  };
  const close = (outcome: Outcome): void => {
    usable = false;
    socket.destroy();
    finish(outcome);
  };
  socket.on(secure ? "secureConnect" : "connect", () => {
    connected = true;
  });
  socket.on("error", () => close(connected ? "connection closed" : "connection refused"));
  socket.on("end", () => close("connection closed"));
  socket.on("close", () => close("connection closed"));
  socket.on("data", (chunk: Buffer) => {
    try {
      const answer = reader.push(chunk);
      if (answer === undefined) return;
      if (answer.last) close(answer.status);
      else finish(answer.status);
    } catch {
      close("connection closed");
    }
  });
  return {
    get usable() {
      return usable;
    },
    send(request, callback) {
      done = callback;
      if (usable) socket.write(request);
      else finish("connection closed");
    },
    close,
  };
}
