import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "../../core/clock.ts";
import { PlainConnection } from "./connection.ts";
import type { PlainRequest } from "./request.ts";
import type { PlainResponse } from "./response.ts";

export { PlainRequest } from "./request.ts";

export interface PlainRequestsOptions {
  readonly server: Server;
  readonly clock: Clock;
  /** Milliseconds until a new connection must have sent something. */
  readonly headerTimeoutMs: number;
  /** Milliseconds that a connection may be quiet between two requests. */
  readonly keepAliveMs: number;
  readonly onRequest: (request: PlainRequest, response: PlainResponse) => void;
}

/**
 * Reads the plain requests to a server of Node in its place. A connection with anything else, from a body in chunks to an attack, is given
 * to Node with the bytes that have been read, so there is one place that says what is wrong with it.
 */
export class PlainRequests {
  readonly #connections = new Map<Socket, PlainConnection>();
  readonly #options: PlainRequestsOptions;
  readonly #sweepMs: number;
  #stopSweeping: (() => void) | undefined;

  constructor(options: PlainRequestsOptions) {
    this.#options = options;
    this.#sweepMs = Math.min(1000, options.headerTimeoutMs);
    const { server, clock, onRequest } = options;
    const toNode = server.listeners("connection") as Array<(socket: Socket) => void>;
    server.removeAllListeners("connection");
    const connectionOptions = {
      clock,
      keepAliveSeconds: Math.floor(options.keepAliveMs / 1000),
      onRequest,
      handOver: (socket: Socket): void => {
        this.#connections.delete(socket);
        for (const listener of toNode) listener.call(server, socket);
      },
      onTimeout: (socket: Socket) => server.emit("timeout", socket),
    };
    server.on("connection", (socket: Socket) => {
      this.#connections.set(socket, new PlainConnection(socket, connectionOptions));
      socket.once("close", () => this.#connections.delete(socket));
      this.#stopSweeping ??= clock.after(this.#sweepMs, this.#sweep);
    });
  }

  /** Ends the connections now. */
  destroy(): void {
    this.#stopSweeping?.();
    for (const socket of this.#connections.keys()) socket.destroy();
  }

  readonly #sweep = (): void => {
    const { server, headerTimeoutMs, keepAliveMs } = this.#options;
    for (const [socket, connection] of this.#connections) {
      if (connection.isBusy) continue;
      // The first one comes at any time within its period.
      const quietMs = connection.quietSweeps++ * this.#sweepMs;
      if (!connection.used && quietMs >= headerTimeoutMs) fail(server, socket, "ERR_HTTP_REQUEST_TIMEOUT");
      else if (quietMs >= keepAliveMs) socket.destroy();
    }
    this.#stopSweeping = this.#connections.size > 0 ? this.#options.clock.after(this.#sweepMs, this.#sweep) : undefined;
  };
}

/** Tells of a fault as Node does. */
function fail(server: Server, socket: Socket, code: string): void {
  server.emit("clientError", Object.assign(new Error(code), { code }), socket);
}
