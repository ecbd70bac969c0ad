import { setTimeout as delay } from "node:timers/promises";
import type { Cancellation } from "../../core/cancellation.ts";
import type { Clock } from "../../core/clock.ts";
import { ServeError } from "../../core/errors.ts";
import type { HostEndpoint } from "../../core/executor.ts";
import type { Payload } from "../../core/inference.ts";
import { type ModelDescription, type Replica, type ReplicaCall, ReplicaLostError, type ReplicaResult } from "../../core/replica.ts";
import { sizingOf } from "../../core/sizing.ts";
import { whenAborted } from "../../core/when-aborted.ts";
import { encodePayload, encodeTogether, type FrameMetadata, type InferMetadata, requestMetadata } from "../../frames/index.ts";
import { CallCredit, canQueue, leastCredit } from "./call-credit.ts";
import { checkAnswer, checkChunk } from "./check-answer.ts";
import type { HostConnection } from "./connection.ts";
import { exitOf } from "./exit.ts";
import { NestedCalls, type NestedCallsOptions } from "./nested-calls.ts";
import { createStreamBuffer } from "./stream-buffer.ts";
import { Watchdog } from "./watchdog.ts";

/** Milliseconds that a host may take to unload a model, and then to end, before it is killed. */
const UNLOAD_GRACE_MS = 5_000;
const EXIT_GRACE_MS = 2_000;

export interface HostReplicaOptions {
  readonly id: string;
  readonly connection: HostConnection;
  readonly endpoint: HostEndpoint;
  readonly load: FrameMetadata["load"];
  /** The artefact and perhaps the example, for a host that does not see their files. */
  readonly contents?: readonly Uint8Array[];
  readonly onProgress: (step: string) => void;
  readonly clock: Clock;
  /** Of a model that may ask others, and the namespace in which it asks. */
  readonly nested?: Pick<NestedCallsOptions, "models" | "namespace"> | undefined;
  /** Milliseconds that the host may take for an answer that nobody waits for any more, before it is ended. */
  readonly hostTimeoutMs: number;
}

/**
 * Loads a model into a host and returns the replica that answers for it.
 * @throws ServeError as the host reported it, when the host ended, or INVALID_ARGUMENT for what a model's code declares wrongly
 */
export async function loadIntoHost(options: HostReplicaOptions, signal: AbortSignal): Promise<Replica> {
  const { connection, load, contents = [], onProgress, endpoint, clock, nested } = options;
  const { credit } = await connection.hello;
  signal.throwIfAborted();
  const { promise: aborted, dispose } = rejectionOf(signal);
  let ready: Promise<Replica> | undefined;
  const calls = nested === undefined ? undefined : new NestedCalls({ connection, ...nested, name: load.model, clock });
  try {
    ready = new Promise<Replica>((resolve, reject) => {
      const { meta, blobs } = contents.length === 0 ? { meta: {}, blobs: [] } : encodePayload(asTensors(contents));
      const handle: number = connection.open("load", { ...load, ...meta }, blobs, {
        onProgress,
        onReady: (description) => resolve(new HostReplica(options, handle, credit, description, calls)),
        async onError(error) {
          // A host that dies while it loads: how it died says more than that the connection ended.
          if (error instanceof ReplicaLostError)
            reject(new ServeError("ABORTED", `its host ${await exitOf(connection, endpoint, clock)} while it loaded the model`));
          else reject(error);
        },
      });
    });
    const replica = await Promise.race([ready, aborted]);
    for (const signature of Object.values(replica.description.methods)) sizingOf(signature);
    return replica;
  } catch (error) {
    // Others may share the host, and it is still loading, or has loaded what cannot be served.
    void ready?.then((replica) => replica.close()).catch(() => undefined);
    throw error;
  } finally {
    dispose();
  }
}

function asTensors(contents: readonly Uint8Array[]): Payload {
  const names = ["artefact", "example"];
  const tensors = contents.map((data, index) => ({ name: names[index] ?? "", datatype: "UINT8" as const, shape: [data.byteLength], data }));
  return { kind: "tensors", tensors };
}

/** Rejects when the signal is aborted; `dispose` takes the listener away, or one would stay for every load. */
function rejectionOf(signal: AbortSignal): { promise: Promise<never>; dispose: () => void } {
  let dispose = (): void => undefined;
  const promise = new Promise<never>((_, reject) => {
    const listener = (): void => reject(signal.reason);
    signal.addEventListener("abort", listener, { once: true });
    dispose = () => signal.removeEventListener("abort", listener);
  });
  return { promise, dispose };
}

class HostReplica implements Replica {
  readonly id: string;
  readonly description: ModelDescription;
  readonly lost: Promise<void>;
  readonly exited: Promise<string>;
  readonly #connection: HostConnection;
  readonly #endpoint: HostEndpoint;
  readonly #handle: number;
  readonly #watchdog: Watchdog;
  readonly #calls: NestedCalls | undefined;
  readonly #credit: CallCredit;

  constructor(options: HostReplicaOptions, handle: number, credit: number, description: ModelDescription, calls: NestedCalls | undefined) {
    const { id, connection, endpoint, clock, hostTimeoutMs, load } = options;
    this.id = id;
    this.#credit = new CallCredit(leastCredit(credit, description), canQueue(load, description));
    this.description = description;
    this.lost = connection.lost;
    this.exited = exitOf(connection, endpoint, clock);
    this.#connection = connection;
    this.#endpoint = endpoint;
    this.#handle = handle;
    this.#calls = calls;
    this.#watchdog = new Watchdog(clock, hostTimeoutMs, (how) => {
      connection.fail(how, true);
      void endpoint.stop(0);
    });
    void connection.lost.then(() => this.#watchdog.stop());
  }

  get credit(): number {
    return this.#credit.calls;
  }

  run(call: ReplicaCall, cancellation?: Cancellation): Promise<ReplicaResult> {
    const { together } = this.description.methods[call.method] ?? {};
    return together === true ? this.#runAmongNone(call, cancellation) : this.#runAlone(call, cancellation);
  }

  async #runAmongNone(call: ReplicaCall, cancellation: Cancellation | undefined): Promise<ReplicaResult> {
    const [answer] = await this.runTogether([call], cancellation);
    if (answer === undefined || answer instanceof ServeError) throw answer ?? new ServeError("INTERNAL", "the model did not answer");
    return answer;
  }

  runTogether(calls: readonly ReplicaCall[], cancellation?: Cancellation): Promise<Array<ReplicaResult | ServeError>> {
    const isInSteps = this.description.methods[calls[0]?.method ?? ""]?.concurrency !== undefined;
    if (!isInSteps) return this.#askTogether(calls, cancellation);
    return Promise.all(calls.map((call) => this.#askInSteps(call, cancellation)));
  }

  /** @throws ServeError when the replica is gone */
  async #askInSteps(call: ReplicaCall, cancellation?: Cancellation): Promise<ReplicaResult | ServeError> {
    try {
      const [answer] = await this.#askTogether([call], cancellation);
      return answer ?? new ServeError("INTERNAL", "the model did not answer");
    } catch (error) {
      if (error instanceof ReplicaLostError) throw error;
      return ServeError.from(error);
    }
  }

  #askTogether(calls: readonly ReplicaCall[], cancellation?: Cancellation): Promise<Array<ReplicaResult | ServeError>> {
    return new Promise((resolve, reject) => {
      const { requests, tensors, blobs } = encodeTogether(calls);
      const asked = { tensors, model: this.#handle, method: calls[0]?.method ?? "", requests };
      const watched = this.#watchdog.begin();
      let over = false;
      // A connection that is lost tells so before there is a stream.
      let begun: number | undefined;
      const end = (): void => {
        over = true;
        watched.answered();
        if (begun !== undefined) this.#calls?.end(begun);
      };
      const stream = this.#connection.open("infer", asked, blobs, {
        together: {
          requests: calls.length,
          onAnswers: (answers) => {
            end();
            this.#credit.observe(answers);
            resolve(answers.map((answer, index) => this.#checked(calls[index] as ReplicaCall, answer)));
          },
        },
        onError: (error) => {
          end();
          reject(error);
        },
      });
      if (over) return;
      begun = stream;
      this.#calls?.begin(stream, calls);
      // The only one is given up with the call.
      if (calls.length > 1) {
        calls.forEach(({ origin }, request) => {
          whenAborted(origin?.signal, () => over || this.#connection.send("cancel", stream, { request }));
        });
      }
      cancellation?.onAbort(() => {
        if (over) return;
        this.#connection.send("cancel", stream, {});
        watched.givenUp();
      });
    });
  }

  #checked(call: ReplicaCall, answer: ReplicaResult | ServeError): ReplicaResult | ServeError {
    if (answer instanceof ServeError) return answer;
    try {
      checkChunk(call, answer.payload, this.description);
      return answer;
    } catch (error) {
      return ServeError.from(error);
    }
  }

  #runAlone(call: ReplicaCall, cancellation?: Cancellation): Promise<ReplicaResult> {
    return new Promise((resolve, reject) => {
      const { meta, blobs } = encodePayload(call.payload);
      const watched = this.#watchdog.begin();
      const stream = this.#connection.open("infer", { ...this.#inferMetadata(call), ...meta }, blobs, {
        onResult: (result) => {
          watched.answered();
          checkAnswer(call, result.payload, this.description);
          resolve(result);
        },
        onError: (error) => {
          watched.answered();
          reject(error);
        },
      });
      cancellation?.onAbort(() => {
        this.#connection.send("cancel", stream, {});
        watched.givenUp();
      });
    });
  }

  async *stream(call: ReplicaCall, signal: AbortSignal): AsyncGenerator<Payload, void, undefined> {
    const { meta, blobs } = encodePayload(call.payload);
    const buffer = createStreamBuffer<Payload>();
    const asked = { ...this.#inferMetadata(call), ...requestMetadata(call), ...meta, credit: buffer.capacity };
    const stream = this.#connection.open("infer", asked, blobs, {
      onChunk: (payload) => {
        checkChunk(call, payload, this.description);
        buffer.push(payload);
      },
      onEnd: () => buffer.end(),
      onError: (error) => buffer.fail(error),
      onResult: ({ payload }) => {
        buffer.push(payload);
        buffer.end();
      },
    });
    const cancel = (): void => {
      this.#cancelStream(stream);
      buffer.fail(ServeError.from(signal.reason, "CANCELLED"));
    };
    if (signal.aborted) cancel();
    else signal.addEventListener("abort", cancel, { once: true });
    this.#calls?.begin(stream, [call]);
    try {
      for await (const payload of buffer) {
        yield payload;
        if (!buffer.ended) this.#connection.send("credit", stream, { chunks: 1 });
      }
    } finally {
      if (!buffer.ended) this.#cancelStream(stream);
      this.#calls?.end(stream);
      signal.removeEventListener("abort", cancel);
    }
  }

  async close(): Promise<void> {
    const unloaded = new Promise<void>((resolve) => {
      this.#connection.ask(this.#handle, "unload", {}, [], { onEnd: resolve, onError: () => resolve() });
    });
    const patience = new AbortController();
    await Promise.race([unloaded, this.exited, delay(UNLOAD_GRACE_MS, undefined, { signal: patience.signal }).catch(() => undefined)]);
    patience.abort();
    await this.#endpoint.stop(EXIT_GRACE_MS);
  }

  destroy(how: string): void {
    this.#connection.fail(how, false);
    void this.#endpoint.stop(0);
  }

  /** A stream ends when its model next answers, which may be never; the host must at least still hear. */
  #cancelStream(stream: number): void {
    this.#connection.send("cancel", stream, {});
    const heard = this.#watchdog.ping();
    this.#connection.open("ping", {}, [], { onPong: heard, onError: heard });
  }

  #inferMetadata({ method, outputs, parameters, lengths }: ReplicaCall): InferMetadata {
    return {
      model: this.#handle,
      method,
      ...(outputs === undefined ? {} : { outputs }),
      ...(parameters === undefined ? {} : { parameters }),
      ...(lengths === undefined ? {} : { lengths }),
    };
  }
}
