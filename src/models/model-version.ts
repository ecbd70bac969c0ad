import { randomUUID } from "node:crypto";
import { basename } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../core/clock.ts";
import type { RequestContext } from "../core/context.ts";
import { type Code, firstLine, ServeError } from "../core/errors.ts";
import type { Events, LoadCause } from "../core/events.ts";
import type { HostExit, ModelFailure, ModelSpec, ModelState, ModelStatus } from "../core/model.ts";
import { defaultMethodOf, type ModelDescription } from "../core/replica.ts";
import type { SchedulingSpec } from "../core/scheduling.ts";
import type { Signature } from "../core/signature.ts";
import type { Scheduler } from "../scheduler/index.ts";
import { ModelReplicas } from "./model-replicas.ts";
import { Usage } from "./residency/index.ts";

/** Requests that may wait for a model that their first one has begun to load. */
const MAX_WAITING = 256;

/** One version of a model while the server knows it: what it is, how it is, and the queue in front of it. */
export class ModelVersion {
  readonly id: string = randomUUID();
  readonly usage = new Usage();
  readonly replicas: ModelReplicas;
  readonly #createScheduler: (spec: ModelSpec) => Scheduler;
  readonly #events: Events;
  #scheduler: Scheduler;
  #scheduling: SchedulingSpec | undefined;
  #spec: ModelSpec;
  #state: ModelState = "registered";
  #reason = "waiting for its turn to load";
  #failure: ModelFailure | undefined;
  /** Begins the load of a model that stands by; settles when it has ended, well or badly. */
  #load: ((cause: LoadCause) => Promise<void>) | undefined;
  #loading: Promise<void> | undefined;
  #waiting = 0;
  #drained = false;
  #hostExits = 0;
  #lastHostExit: HostExit | undefined;
  #inline = false;
  #notInline: string | undefined;
  description: ModelDescription | undefined;
  /** The host that it is in or was in last. */
  hostName: string | undefined;
  /** Name of the revision that it belongs to. */
  revision: string | undefined;
  /** Percent of the requests that its revision gets. */
  traffic = 100;

  constructor(spec: ModelSpec, createScheduler: (spec: ModelSpec) => Scheduler, events: Events) {
    this.#spec = spec;
    this.#createScheduler = createScheduler;
    this.#scheduler = createScheduler(spec);
    this.replicas = new ModelReplicas(spec.scaling);
    this.#events = events;
  }

  get spec(): ModelSpec {
    return this.#spec;
  }

  /** The same model, which is to have another number of replicas; what serves goes on. */
  set spec(spec: ModelSpec) {
    this.#spec = spec;
    this.replicas.bounds = spec.scaling;
  }

  get scheduler(): Scheduler {
    return this.#scheduler;
  }

  /** What its spec says, or its own code has completed. */
  get scheduling(): SchedulingSpec | undefined {
    return this.#scheduling ?? this.#spec.scheduling;
  }

  /** The first replica is about to serve, and has this description. */
  describe(description: ModelDescription): void {
    this.description = description;
    const { scheduling = this.#spec.scheduling } = description;
    if (isDeepStrictEqual(scheduling, this.scheduling) || this.replicas.serving.length > 0) return;
    const scheduler = this.#createScheduler({ ...this.#spec, ...(scheduling === undefined ? {} : { scheduling }) });
    // Without a replica it has nothing.
    void this.#scheduler.close();
    this.#scheduler = scheduler;
    this.#scheduling = scheduling;
  }

  /** Of the first replica. */
  get hostPid(): number | undefined {
    return this.replicas.serving[0]?.pid;
  }

  /** Of all replicas. */
  get memoryBytes(): number {
    return this.replicas.bytes;
  }

  get state(): ModelState {
    return this.#state;
  }

  /** A request would be answered, if only after the load that it or another one has begun. */
  get answers(): boolean {
    return !this.#drained && (this.#state === "ready" || this.#state === "standby" || this.#loading !== undefined);
  }

  /** It has stood by, so its next request may try again what could not be done for another one. */
  get answeredOnDemand(): boolean {
    return this.#load !== undefined;
  }

  /** What is going on, or why it does not answer. */
  get reason(): string {
    return this.#visible().reason;
  }

  get hostExits(): number {
    return this.#hostExits;
  }

  get lastHostExit(): HostExit | undefined {
    return this.#lastHostExit;
  }

  /** Requests that are refused because they ended hosts. */
  get quarantined(): number {
    return this.scheduler.quarantined;
  }

  get failure(): ModelFailure | undefined {
    return this.#failure;
  }

  become(state: ModelState, reason: string): void {
    this.#state = state;
    this.#reason = reason;
    if (state !== "registered") this.#failure = undefined;
    this.#events.emit("model-state-changed", this.status(false));
  }

  /** It answers with more replicas or fewer. */
  replicasChanged(): void {
    this.#events.emit("model-state-changed", this.status(false));
  }

  /** It does not answer; `state` is "registered" when it has not even been tried. */
  fail(state: "failed" | "registered", code: Code, message: string): void {
    this.#failure = { code, message, time: new Date().toISOString() };
    this.#state = state;
    this.#reason = message;
    this.#events.emit("model-state-changed", this.status(false));
  }

  /** A host has ended that was not asked to. `how` goes on after "its host"; `log` is what it printed last. */
  hostEnded(how: string, log: readonly string[]): void {
    this.#hostExits++;
    this.#lastHostExit = { message: `its host ${how}`, time: new Date().toISOString(), log: [...log] };
  }

  /** Calls that are small enough are answered in this process. */
  get inline(): boolean {
    return this.#inline;
  }

  set inline(inline: boolean) {
    if (inline === this.#inline) return;
    this.#inline = inline;
    this.#notInline = undefined;
    this.#events.emit("model-state-changed", this.status(false));
  }

  /** Why none of its calls are, when that was tried. */
  get notInline(): string | undefined {
    return this.#notInline;
  }

  /** It stays in its host, and this is why. */
  refuseInline(reason: string): void {
    this.#notInline = reason;
    this.#events.emit("model-state-changed", this.status(false));
  }

  /** Somebody has drained it, and nobody has loaded it since: it refuses requests, except those that are in its queue. */
  get drained(): boolean {
    return this.#drained;
  }

  set drained(drained: boolean) {
    if (drained === this.#drained) return;
    this.#drained = drained;
    this.#events.emit("model-state-changed", this.status(false));
  }

  /** The first request begins the load. */
  standBy(load: (cause: LoadCause) => Promise<void>, reason = "it loads at its first request"): void {
    this.#load = load;
    this.replicas.wanted = 0;
    this.become("standby", reason);
  }

  /** @throws ServeError UNAVAILABLE when it cannot answer, RESOURCE_EXHAUSTED when too many wait for it already */
  admit(bytes: number, context: RequestContext): void {
    if (!this.answers) this.assertReady();
    this.#assertRoom();
    const timeout = this.scheduling?.timeoutMs;
    if (timeout !== undefined) context.dueBy(context.record.startedAt + timeout);
    this.scheduler.admit(bytes, context);
  }

  /**
   * Settles when the model answers. One that stands by is loaded now; all requests wait for the same load.
   * @throws ServeError UNAVAILABLE with the reason when it cannot answer, RESOURCE_EXHAUSTED when too many wait for it already,
   * DEADLINE_EXCEEDED, or why the request was given up
   */
  async activate(context: RequestContext, clock: Clock, cause: LoadCause = "request"): Promise<void> {
    if (this.#drained) this.assertReady();
    this.usage.note(context.record.startedAt);
    if (this.#state === "ready") return;
    void this.wake(cause);
    if (this.#loading !== undefined) {
      // Many may have been admitted while none waited yet.
      this.#assertRoom();
      this.#waiting++;
      context.record.stage = "loading";
      try {
        await untilGivenUp(this.#loading, context, clock);
      } finally {
        this.#waiting--;
      }
    }
    this.assertReady();
  }

  /** Has a model load that stands by; settles when that has ended, well or badly. */
  async wake(cause: LoadCause = "prefetch"): Promise<void> {
    if (this.#state === "standby" && this.#load !== undefined && this.#loading === undefined) {
      this.#loading = this.#load(cause).finally(() => {
        this.#loading = undefined;
      });
    }
    await this.#loading;
  }

  /** Requests that wait or run, those too that wait for the model to load. */
  get inFlight(): number {
    return this.#waiting + this.scheduler.inFlight;
  }

  #assertRoom(): void {
    if (this.#waiting < MAX_WAITING) return;
    throw new ServeError("RESOURCE_EXHAUSTED", `${MAX_WAITING} requests wait for model ${this.spec.name} to load`, {
      retryAfter: 1,
      refusal: "loading",
    });
  }

  /** @throws ServeError UNAVAILABLE with the reason, when the model cannot answer now */
  assertReady(): void {
    const { state, reason } = this.#visible();
    if (state === "ready") return;
    const retry = state === "failed" || state === "registered" || this.#drained ? {} : { retryAfter: 1 };
    throw new ServeError("UNAVAILABLE", `Model with name ${this.spec.name} is not ready. It is ${state}: ${firstLine(reason)}`, {
      ...retry,
      refusal: "not_ready",
    });
  }

  /** How others see it: a drained model is as it is, and answers nobody. */
  #visible(): { readonly state: ModelState; readonly reason: string } {
    if (!this.#drained) return { state: this.#state, reason: this.#reason };
    const again = `nitrous load ${this.spec.name} lets it answer again`;
    if (this.#state === "ready") return { state: "draining", reason: `it finishes what is under way; ${again}` };
    return { state: this.#state, reason: `it has been drained; ${again}` };
  }

  /** What its own code says that keeps it from answering now, in whichever replica; undefined when nothing does. */
  async checkReadiness(): Promise<string | undefined> {
    const said = await Promise.all(this.replicas.serving.map((host) => host.checkReadiness?.()));
    return said.find((obstacle) => obstacle !== undefined);
  }

  /** The method of a name, or the model's default one. @throws ServeError NOT_FOUND when the model has no such method */
  method(wanted?: string): { readonly name: string; readonly signature: Signature } {
    const methods = this.description?.methods ?? {};
    const name = wanted ?? (this.description === undefined ? undefined : defaultMethodOf(this.description));
    const signature = name !== undefined && Object.hasOwn(methods, name) ? methods[name] : undefined;
    if (name !== undefined && signature !== undefined) return { name, signature };
    throw new ServeError(
      "NOT_FOUND",
      `model ${this.spec.name} has no method ${name === undefined ? "" : `'${name}'`}; it has ${Object.keys(methods).join(", ") || "none"}`,
    );
  }

  status(latest: boolean): ModelStatus {
    const { namespace, name, version, format } = this.spec;
    return {
      id: this.id,
      namespace,
      name,
      version,
      format,
      protocols: this.spec.upstream?.protocols.map(({ protocol }) => protocol) ?? [],
      artefact: basename(this.spec.file),
      scheduling: this.scheduling,
      responseCache: this.spec.responseCache === true,
      ...this.#visible(),
      revision: this.revision,
      traffic: this.traffic,
      latest,
      answers: this.answers,
      failure: this.#failure,
      description: this.description,
      memoryBytes: this.memoryBytes,
      devices: this.replicas.devices,
      hostPid: this.hostPid,
      hostPids: this.replicas.serving.map(({ pid }) => pid),
      hostBytes: this.replicas.serving.map(({ bytes }) => bytes),
      replicas: this.replicas.counts,
      inline: this.#inline,
      notInline: this.#notInline,
      hostExits: this.#hostExits,
      lastHostExit: this.#lastHostExit,
      quarantined: this.quarantined,
      queued: this.scheduler.queued,
      queuedSince: this.scheduler.queuedSince,
    };
  }
}

/** For events. */
export function identityOf({ spec }: ModelVersion): { namespace: string; model: string; version: string } {
  return { namespace: spec.namespace, model: spec.name, version: spec.version };
}

/** Settles with the work; rejects when the request is given up or its time is over before that. */
async function untilGivenUp(work: Promise<void>, context: RequestContext, clock: Clock): Promise<void> {
  let cancelTimer = (): void => undefined;
  const over = new Promise<never>((_, reject) => {
    context.onAbort(reject);
    cancelTimer = clock.after(Math.max(0, context.deadline - clock.now()), () => {
      reject(new ServeError("DEADLINE_EXCEEDED", "the request's time was over before the model had loaded"));
    });
  });
  try {
    await Promise.race([work, over]);
  } finally {
    context.onAbort(undefined);
    cancelTimer();
  }
}
