import type { Clock } from "../../core/clock.ts";
import { ServeError } from "../../core/errors.ts";
import { isStream, type Payload, type Target } from "../../core/inference.ts";
import type { NestedControl, NestedOverride } from "../../core/nested-control.ts";
import type { NestedInference } from "../../core/nested-inference.ts";
import type { CallOrigin, ReplicaCall } from "../../core/replica.ts";
import { endUnread } from "../../core/unread-stream.ts";
import { whenAborted } from "../../core/when-aborted.ts";
import { type CallMetadata, decodePayload, encodePayload, FRAME_TYPES, type Frame } from "../../frames/index.ts";
import { ChunkCredit } from "./chunk-credit.ts";
import type { HostConnection } from "./connection.ts";
import { ownOrigin, sharedOrigin, withSignal } from "./nested-origin.ts";

/** The other models of a server, as a model asks them. */
export interface NestedModels {
  readonly inference: NestedInference;
  readonly control: NestedControl;
}

export interface NestedCallsOptions {
  readonly connection: HostConnection;
  readonly models: NestedModels;
  /** The model that asks, in whose namespace the others are. */
  readonly namespace: string;
  readonly name: string;
  /** Process id of the host. */
  readonly pid: number;
  readonly clock: Clock;
}

interface OpenCall {
  readonly controller: AbortController;
  readonly credit: ChunkCredit;
}

/** What one host process asks of other models, for the sake of the requests that it answers. */
export class NestedCalls {
  readonly #options: NestedCallsOptions;
  /** By stream of the call that asks. */
  readonly #calls = new Map<number, readonly ReplicaCall[]>();
  /** By stream that the host has chosen. */
  readonly #open = new Map<number, OpenCall>();
  /** Of what is asked for the sake of no request: while the model loads, and by threads of its own. */
  readonly #own: CallOrigin;

  constructor(options: NestedCallsOptions) {
    this.#options = options;
    const end = new AbortController();
    this.#own = ownOrigin(options.name, end.signal);
    options.connection.answerWith((frame) => this.#take(frame));
    void options.connection.lost.then(() => {
      end.abort(gone());
      for (const { controller } of this.#open.values()) controller.abort(gone());
    });
  }

  /** A call has been sent to the host on this stream. */
  begin(stream: number, calls: readonly ReplicaCall[]): void {
    this.#calls.set(stream, calls);
  }

  /** It has been answered. */
  end(stream: number): void {
    this.#calls.delete(stream);
  }

  #take({ type, stream, meta, blobs }: Frame): void {
    if (type === FRAME_TYPES.call) {
      const open = { controller: new AbortController(), credit: new ChunkCredit(Number(meta.credit ?? 0)) };
      this.#open.set(stream, open);
      void this.#answer(stream, meta as unknown as CallMetadata, blobs, meta, open).finally(() => this.#open.delete(stream));
    } else if (type === FRAME_TYPES.credit) {
      this.#open.get(stream)?.credit.add(Number(meta.chunks));
    } else {
      this.#open.get(stream)?.controller.abort(new ServeError("CANCELLED", "the model that asked has cancelled it"));
    }
  }

  async #answer(stream: number, call: CallMetadata, blobs: Frame["blobs"], meta: Frame["meta"], open: OpenCall): Promise<void> {
    const { connection } = this.#options;
    const parent = this.#parentOf(call);
    const { signal } = open.controller;
    const giveUp = (): void => open.controller.abort(parent.signal.reason);
    const forget = whenAborted(parent.signal, giveUp);
    if (parent.signal.aborted) giveUp();
    try {
      signal.throwIfAborted();
      const payload = decodePayload(meta, blobs);
      await this.#perform(stream, call, payload, withSignal(parent, signal, this.#deadlineOf(call, parent)), open);
    } catch (thrown) {
      const error = signal.aborted
        ? ServeError.from(signal.reason, "CANCELLED", "nobody waits for the answer any more")
        : ServeError.from(thrown);
      const { code, message } = error;
      connection.send("error", stream, { code, message });
    } finally {
      forget();
    }
  }

  async #perform(
    stream: number,
    call: CallMetadata,
    payload: Payload,
    origin: CallOrigin,
    { controller, credit }: OpenCall,
  ): Promise<void> {
    const { connection, models } = this.#options;
    const target: Target = {
      namespace: this.#options.namespace,
      name: call.model,
      ...(call.version === undefined ? {} : { version: call.version }),
    };
    if (call.action !== undefined) {
      const ready = await this.#control(target, call, payload, origin);
      connection.send("result", stream, { json: ready, computeMs: 0 });
      return;
    }
    const { outputs, parameters, id } = call;
    const asked = {
      ...(outputs === undefined ? {} : { outputs }),
      ...(parameters === undefined ? {} : { parameters }),
      ...(id === undefined ? {} : { id }),
      ...(call.blocking === true ? { blocks: this.#options.pid } : {}),
    };
    const { output } = await models.inference.infer({ target, payload, ...asked }, origin);
    if (!isStream(output)) {
      const { meta, blobs } = encodePayload(tensorsOf(output, call.model));
      connection.send("result", stream, { ...meta, computeMs: 0 }, blobs);
      return;
    }
    if (call.credit === undefined) {
      const error = new ServeError(
        "INVALID_ARGUMENT",
        `model '${call.model}' is decoupled and may answer any number of times: call exec or async_exec with decoupled=True`,
      );
      controller.abort(error);
      await endUnread(output);
      throw error;
    }
    for await (const chunk of output) {
      await credit.take(origin.signal);
      const { meta, blobs } = encodePayload(tensorsOf(chunk, call.model));
      connection.send("chunk", stream, meta, blobs);
    }
    connection.send("end", stream, { computeMs: 0 });
  }

  async #control(
    target: Target,
    { action, configuration, dependents, blocking, parent }: CallMetadata,
    payload: Payload,
    origin: CallOrigin,
  ): Promise<boolean> {
    const { control } = this.#options.models;
    if (action === "ready") return control.ready(target);
    // It would wait for the request that waits for it.
    if (action === "unload" && target.name === this.#options.name && blocking === true && this.#calls.has(parent))
      throw unloadsItself(target.name);
    if (action === "unload") await control.unload(target, dependents === true);
    else await control.load(target, overrideOf(configuration, payload), origin);
    return true;
  }

  #parentOf({ parent }: CallMetadata): CallOrigin {
    const origins = (this.#calls.get(parent) ?? []).flatMap(({ origin }) => origin ?? []);
    return origins.length === 0 ? this.#own : sharedOrigin(origins);
  }

  #deadlineOf({ timeoutMs }: CallMetadata, { deadline }: CallOrigin): number {
    return timeoutMs === undefined ? deadline : Math.min(deadline, this.#options.clock.now() + timeoutMs);
  }
}

function overrideOf(configuration: string | undefined, payload: Payload): NestedOverride {
  const tensors = payload.kind === "tensors" ? payload.tensors : [];
  const files = tensors.flatMap((tensor) => (tensor.datatype === "BYTES" ? [] : [[tensor.name, tensor.data] as const]));
  return { configuration, files: new Map(files) };
}

/** @throws ServeError FAILED_PRECONDITION */
function tensorsOf(payload: Payload, model: string): Payload {
  if (payload.kind === "tensors") return payload;
  throw new ServeError(
    "FAILED_PRECONDITION",
    `model '${model}' answers ${payload.kind} and not tensors, which is all that a model may ask for`,
  );
}

function unloadsItself(model: string): ServeError {
  return new ServeError(
    "FAILED_PRECONDITION",
    `model '${model}' cannot unload itself in execute: that would wait until this request has been answered; do it in a thread`,
  );
}

function gone(): ServeError {
  return new ServeError("CANCELLED", "the model's host process that asked is gone");
}
