import type { BatchRecord } from "./batch.ts";
import type { Code, Refusal } from "./errors.ts";
import type { Priority } from "./scheduling.ts";

/** How far a request has come; where it was when it was given up. */
export type Stage = "reading" | "loading" | "queued" | "running" | "answering";

/** What one request cost and how it ended. Filled in place on the way through, published once, at its end. */
export interface RequestRecord {
  readonly protocol: string;
  /** Empty until the model has been found. */
  namespace: string;
  model: string;
  version: string;
  /** Which revision answers it; empty where there is only one and none was asked for. */
  revision: string;
  /** Empty until the model has been found and has told its methods. */
  method: string;
  /** Whether it was answered with what an equal request had been answered before. */
  cache: "none" | "hit" | "miss";
  /** It was answered with a stream. */
  streamed: boolean;
  /** Bytes of the body. */
  bytes: number;
  stage: Stage;
  /** Clock milliseconds. */
  readonly startedAt: number;
  finishedAt: number;
  /** Clock milliseconds at which it first entered a queue; 0 when it never did. */
  queuedAt: number;
  /** Milliseconds between entering the queue and leaving it in a batch. */
  queueMs: number;
  /** Milliseconds that the replica worked on the batch. */
  computeMs: number;
  /** Requests that shared the batch; 0 when the request never reached a replica. */
  batchSize: number;
  /** The call that answered it, when it shared one; undefined when it was alone. */
  batch: BatchRecord | undefined;
  /** Times that it was given to a replica again, because the first one died or its batch failed. */
  retries: number;
  /** Whether a second replica was asked too, and whether that one was the first to answer. */
  hedge: "none" | "lost" | "won";
  /** It ran in this process and not in a host. */
  inline: boolean;
  outcome: "OK" | Code;
  /** Why, when it was refused before a replica saw it. */
  refusal: Refusal | undefined;
}

const NOBODY: readonly string[] = [];

/** Travels with a request through every layer: who, until when, and whether somebody still waits. */
export class RequestContext {
  /** What its client calls it. */
  id: string | undefined;
  readonly record: RequestRecord;
  readonly #askedBy: readonly string[];
  /** Who pays for it: the name of the API key, or the tenant that a header names; empty for nobody in particular. */
  principal = "";
  /** The {@link ModelStatus.id} of the one version that may answer it, whatever replaces that; undefined for whichever the target means. */
  modelId: string | undefined;
  /** What the request asks for; undefined leaves it to the model. */
  priority: Priority | undefined;
  /** Name or tag of the revision that is asked for; from the first look at the model on the name of the one that answers, where there is a choice. */
  revision: string | undefined;
  /** Milliseconds that it asks for in its body; what that means is the model's owner's to say. */
  timeoutMs: number | undefined;
  /** `revision` was chosen for it by the split of the traffic: when that one goes, another one will do. */
  assigned = false;
  /** Requests with the same key get the same revision. */
  affinity: string | undefined;
  /** Those that it came with, with lower-case names, for settings that name one. */
  headers: Readonly<Record<string, string | string[] | undefined>> | undefined;
  #deadline: number;
  #aborted: Error | undefined;
  #controller: AbortController | undefined;
  #listener: ((reason: Error) => void) | undefined;
  #endListeners: Array<() => void> | undefined;

  /** @param options `askedBy`: names of the models that have asked each other for it; none for what a client has asked */
  constructor(options: { id?: string | undefined; deadline: number; record: RequestRecord; askedBy?: readonly string[] }) {
    this.id = options.id;
    this.#askedBy = options.askedBy ?? NOBODY;
    this.#deadline = options.deadline;
    this.record = options.record;
  }

  /** Names of the models that have asked each other for it, the first one by a client, and the one that answers it last. */
  get models(): readonly string[] {
    return [...this.#askedBy, this.record.model];
  }

  /** Clock milliseconds after which nobody waits for the answer. */
  get deadline(): number {
    return this.#deadline;
  }

  /** Whoever has a say may want the answer sooner; nobody can give more time than there is. Clock milliseconds. */
  dueBy(deadline: number): void {
    if (deadline < this.#deadline) this.#deadline = deadline;
  }

  /** This revision answers it. */
  keepTo(revision: string, assigned: boolean): void {
    this.revision = revision;
    this.assigned = assigned;
    this.record.revision = revision;
  }

  /** Why the request was given up, when it was. */
  get aborted(): Error | undefined {
    return this.#aborted;
  }

  /** The same as an AbortSignal, made only when somebody asks: most requests end before anybody does. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted);
    }
    return this.#controller.signal;
  }

  /** Whoever holds the request now (queue, then batch, then stream) hears of its end; the last one to ask is told. */
  onAbort(listener: ((reason: Error) => void) | undefined): void {
    this.#listener = listener;
    if (this.#aborted !== undefined) listener?.(this.#aborted);
  }

  /** Tells any number of listeners when the request is given up; costs less than a listener of {@link signal}. */
  onEnd(listener: () => void): void {
    this.#endListeners ??= [];
    this.#endListeners.push(listener);
  }

  abort(reason: Error): void {
    if (this.#aborted !== undefined) return;
    this.#aborted = reason;
    this.#listener?.(reason);
    this.#controller?.abort(reason);
    for (const listener of this.#endListeners ?? []) listener();
  }
}

export function createRecord(protocol: string, model: string, startedAt: number): RequestRecord {
  return {
    protocol,
    namespace: "",
    model,
    version: "",
    revision: "",
    method: "",
    cache: "none",
    streamed: false,
    bytes: 0,
    stage: "reading",
    startedAt,
    finishedAt: 0,
    queuedAt: 0,
    queueMs: 0,
    computeMs: 0,
    batchSize: 0,
    batch: undefined,
    retries: 0,
    hedge: "none",
    inline: false,
    outcome: "OK",
    refusal: undefined,
  };
}

/** Milliseconds that the request has waited for a replica, at clock milliseconds `now`. */
export function queueTime({ stage, queuedAt, queueMs }: RequestRecord, now: number): number {
  // One that is still there, or was given up there, has not left it in a batch.
  return stage === "queued" ? now - queuedAt : queueMs;
}
