import type { Cancellation } from "../../core/cancellation.ts";
import type { Clock } from "../../core/clock.ts";
import { ServeError } from "../../core/errors.ts";
import type { HostEndpoint } from "../../core/executor.ts";
import type { Payload } from "../../core/inference.ts";
import type { ModelDescription, Replica, ReplicaCall, ReplicaReadiness, ReplicaResult } from "../../core/replica.ts";
import { checkAnswer, checkChunk } from "../host/check-answer.ts";
import { CallsUnderWay } from "../shared/calls-under-way.ts";
import type { UpstreamClient } from "./client.ts";
import type { Clients } from "./clients.ts";
import { ConnectionLostError } from "./connection-lost.ts";
import type { RunningServer } from "./running-server.ts";

export interface UpstreamReplicaOptions {
  readonly id: string;
  readonly server: RunningServer;
  /** What the model holds of the server's process: its `stop` gives that back. */
  readonly place: HostEndpoint;
  readonly clients: Clients;
  readonly description: ModelDescription;
  /** Calls at once. */
  readonly credit: number;
  readonly clock: Clock;
  /** Takes the model out of a server that goes on without it. */
  readonly unload?: () => Promise<void>;
}

/** Milliseconds after the end of a connection in which it must become known that the server has ended too. */
const EXIT_GRACE_MS = 1_000;

/** Answers calls with a server of the model's own. */
export class UpstreamReplica implements Replica {
  readonly id: string;
  readonly credit: number;
  readonly description: ModelDescription;
  readonly readiness: ReplicaReadiness;
  readonly lost: Promise<void>;
  readonly exited: Promise<string>;
  readonly #options: UpstreamReplicaOptions;
  readonly #calls = new CallsUnderWay();
  readonly #detach: () => void;
  #end!: (how: string) => void;

  constructor(options: UpstreamReplicaOptions) {
    const { id, credit, description, server } = options;
    this.#options = options;
    this.id = id;
    this.credit = credit;
    this.description = description;
    this.readiness = server.readiness;
    this.#detach = server.attach();
    const ended = new Promise<string>((resolve) => {
      this.#end = resolve;
    });
    this.exited = Promise.race([ended, server.exited]);
    this.lost = Promise.race([ended, server.lost]).then(() => undefined);
    void server.lost.then((how) => this.#calls.lose(`the model's server ${how}`));
  }

  run(call: ReplicaCall, cancellation?: Cancellation): Promise<ReplicaResult> {
    const { clients, clock } = this.#options;
    const startedAt = clock.now();
    const controller = new AbortController();
    return new Promise((resolve, reject) => {
      const client = this.#clientFor(clients, call.payload, false);
      const done = this.#calls.begin((reason) => {
        reject(reason);
        controller.abort(reason);
      });
      cancellation?.onAbort((reason) => controller.abort(reason));
      client
        .infer(call, controller.signal)
        .then((payload) => {
          checkAnswer(call, payload, this.description);
          resolve({ payload, computeMs: clock.now() - startedAt });
        })
        .catch(async (error: unknown) => reject(await this.#explained(error)))
        .finally(done);
    });
  }

  async *stream(call: ReplicaCall, signal: AbortSignal): AsyncGenerator<Payload, void, undefined> {
    const client = this.#clientFor(this.#options.clients, call.payload, true);
    const controller = new AbortController();
    const leave = (): void => controller.abort(signal.reason);
    const done = this.#calls.begin((reason) => controller.abort(reason));
    signal.addEventListener("abort", leave, { once: true });
    if (signal.aborted) leave();
    try {
      for await (const payload of client.stream(call, controller.signal)) {
        checkChunk(call, payload, this.description);
        yield payload;
      }
    } catch (error) {
      const explained = await this.#explained(error);
      throw controller.signal.aborted ? controller.signal.reason : explained;
    } finally {
      signal.removeEventListener("abort", leave);
      done();
    }
  }

  /** The server ends with the last model that is in it. */
  async close(): Promise<void> {
    const { unload, place, server, clients } = this.#options;
    await this.#calls.idle();
    await Promise.race([unload?.(), server.exited]);
    this.#end("was closed");
    this.#detach();
    clients.close();
    await place.stop(server.graceMs);
  }

  destroy(how: string): void {
    const { place, clients } = this.#options;
    this.#calls.lose(`the model's server ${how}`);
    this.#end(how);
    this.#detach();
    clients.close();
    void place.stop(0);
  }

  /** @throws ServeError UNAVAILABLE while the server is not ready, UNIMPLEMENTED where no protocol of it has a place for the request */
  #clientFor(clients: Clients, payload: Payload, streams: boolean): UpstreamClient {
    this.#calls.assertThere();
    const { obstacle } = this.readiness;
    if (obstacle === undefined) return clients.for(payload, streams);
    throw new ServeError("UNAVAILABLE", obstacle, { retryAfter: 1, refusal: "not_ready" });
  }

  /** A server that has ended takes its connections with it, and that may be known sooner than why. */
  async #explained(error: unknown): Promise<unknown> {
    const { server, place, clock } = this.#options;
    // Of one elsewhere nobody here sees the end.
    if (!(error instanceof ConnectionLostError) || place.pid === process.pid) return error;
    let cancel = (): void => undefined;
    const grace = new Promise<void>((resolve) => {
      cancel = clock.after(EXIT_GRACE_MS, resolve);
    });
    await Promise.race([server.lost, grace]);
    cancel();
    return error;
  }
}
