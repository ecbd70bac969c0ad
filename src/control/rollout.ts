import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../core/clock.ts";
import { messageOf, ServeError } from "../core/errors.ts";
import type { ModelSpec } from "../core/model.ts";
import type { Manager, ModelVersion, Registry } from "../models/index.ts";
import { retryDelay } from "./back-off.ts";
import { type Attempt, begin, type Course, PlanError, type Revision, type RolloutFailure } from "./course.ts";

export interface RolloutOptions<Wanted extends Revision> {
  readonly namespace: string;
  readonly name: string;
  readonly registry: Registry;
  readonly manager: Manager;
  readonly clock: Clock;
  readonly createModel: (spec: ModelSpec) => ModelVersion;
  /** Something that a status shows is different now. */
  readonly onChange: () => void;
  /** The revision answers from now on. */
  readonly onServing: (revision: Wanted) => void;
}

/**
 * Brings one service from the revision that serves to the one that is wanted. The old one goes on serving until the new one
 * can; when it cannot, the old one stays. What may go away by itself is tried again.
 */
export class Rollout<Wanted extends Revision = Revision> {
  readonly #options: RolloutOptions<Wanted>;
  #active: Course<Wanted> | undefined;
  #target: Course<Wanted> | undefined;
  #tried!: () => void;
  #stopped = false;
  /** Settles when the first revision has had its first attempt. */
  readonly tried = new Promise<void>((resolve) => {
    this.#tried = resolve;
  });

  constructor(options: RolloutOptions<Wanted>) {
    this.#options = options;
  }

  /** The revision that answers requests. */
  get active(): Attempt<Wanted> | undefined {
    return this.#active;
  }

  /** The revision that was wanted last; the same as the active one once that serves it. */
  get target(): Attempt<Wanted> | undefined {
    return this.#target;
  }

  /** Begins to roll a revision out; one that is still on its way is given up. */
  desire(revision: Wanted): void {
    if (this.#stopped) return;
    const before = this.#target;
    const course = begin(revision);
    this.#target = course;
    if (before !== this.#active) void this.#discard(before);
    this.#begun(course);
  }

  /** A revision that has served before keeps its place as if it had never stopped: until another one can serve. */
  restore(revision: Wanted): void {
    if (this.#stopped) return;
    this.#active = begin(revision);
    this.#begun(this.#active);
  }

  /** Tries again now what has failed. */
  retry(): void {
    const course = this.#target;
    if (course?.failure === undefined) return;
    course.attempts.clear();
    if (course.models.length === 0 || course !== this.#active) {
      this.desire(course.revision);
      return;
    }
    for (const model of course.models) if (model.failure !== undefined) this.#startAgain(course, model);
  }

  /** To be called when a model of this service has changed its state. */
  modelChanged(): void {
    for (const course of new Set([this.#active, this.#target])) {
      // While models have their first attempt, its end is waited for.
      if (course !== undefined && course.phase !== "planning") this.#evaluate(course);
    }
    this.#options.onChange();
  }

  /**
   * Requests hear the reason until a revision is desired again. Settles when the models have finished what is under way.
   */
  async pause(reason: string): Promise<void> {
    this.#options.registry.set(this.#options, [], reason);
    await this.#leave();
  }

  /** The service is gone for good. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#options.registry.delete(this.#options);
    await this.#leave();
  }

  async #leave(): Promise<void> {
    const courses = new Set([this.#active, this.#target]);
    this.#active = undefined;
    this.#target = undefined;
    this.#tried();
    await Promise.all([...courses].map((course) => this.#discard(course)));
  }

  #begun(course: Course<Wanted>): void {
    this.#routeFirst(course);
    void this.#plan(course);
  }

  async #plan(course: Course<Wanted>): Promise<void> {
    const { signal } = course.controller;
    const { manager, createModel } = this.#options;
    try {
      const specs = await course.revision.plan((step) => this.#report(course, step), signal);
      signal.throwIfAborted();
      const present = this.#active === course ? [] : (this.#active?.models ?? []);
      course.models = specs.map((spec) => this.#unchanged(present, spec) ?? createModel(spec));
      course.phase = "loading";
      course.failure = undefined;
      this.#routeFirst(course);
      // One that replaces a model that answers must prove itself first.
      const replaces = this.#active !== course && this.#active?.models.some(({ answers }) => answers) === true;
      const waits = course.revision.minReplicas === 0 && !replaces;
      const others = course.models.filter((model) => !present.includes(model));
      if (waits) for (const model of others) manager.standBy(model);
      // One that replaces a model may have others go for it; at the start nobody goes for anybody.
      else await Promise.all(others.map((model) => (replaces ? manager.start(model) : manager.prefer(model))));
      this.#evaluate(course);
    } catch (error) {
      if (!signal.aborted) this.#failPlan(course, error);
    } finally {
      if (!signal.aborted) this.#tried();
    }
  }

  /** A version that was watched and whose files are what they were goes on as it is. */
  #unchanged(present: readonly ModelVersion[], spec: ModelSpec): ModelVersion | undefined {
    return present.find((model) => spec.stamp !== undefined && model.answers && isDeepStrictEqual(model.spec, spec));
  }

  #report(course: Course<Wanted>, step: string): void {
    course.step = step;
    if (course.controller.signal.aborted) return;
    this.#routeFirst(course);
    this.#options.onChange();
  }

  #failPlan(course: Course<Wanted>, error: unknown): void {
    const cause = ServeError.from(error, "INTERNAL", messageOf(error));
    const attempts = (course.attempts.get("") ?? 0) + 1;
    course.attempts.set("", attempts);
    const delay = retryDelay(cause.code, attempts);
    course.phase = "failed";
    course.failure = {
      reason: cause instanceof PlanError ? cause.reason : "ModelLoadFailed",
      code: cause.code,
      message: cause.message,
      time: new Date().toISOString(),
      attempts,
      retryDelay: delay,
    };
    if (delay !== undefined) this.#later(course, "", delay, () => this.#plan(course));
    this.#routeFirst(course);
    this.#options.onChange();
  }

  /** Level-triggered: looks at how the models are and does what follows from it; twice is the same as once. */
  #evaluate(course: Course<Wanted>): void {
    const { models } = course;
    // Without models there is only the plan, whose failure stays until it is tried again.
    if (course.controller.signal.aborted || models.length === 0) return;
    const latest = models.at(-1);
    const serves = (model: ModelVersion | undefined): boolean => model?.answers === true;
    const isWanted = course.revision.reload === true ? models.every(serves) : serves(latest);
    if (course !== this.#active && (isWanted || (this.#active === undefined && models.some(serves)))) this.#serve(course);
    for (const model of models) if (serves(model)) course.attempts.delete(model.spec.version);
    course.failure = models.map((model) => this.#failureOf(course, model)).findLast((failure) => failure !== undefined);
    if (course.failure === undefined) {
      if (course === this.#active) course.phase = models.every(serves) ? "ready" : "loading";
    } else if (course !== this.#active || !models.some(serves)) course.phase = "failed";
    this.#options.onChange();
  }

  /** Counts each failure of a model once, and answers it with another attempt where that may help. */
  #failureOf(course: Course<Wanted>, model: ModelVersion): RolloutFailure | undefined {
    const { failure, spec } = model;
    if (failure === undefined) return undefined;
    const counted = course.counted.get(spec.version);
    if (counted?.of === failure) return counted.as;
    const attempts = (course.attempts.get(spec.version) ?? 0) + 1;
    course.attempts.set(spec.version, attempts);
    const delay = retryDelay(failure.code, attempts);
    const message = course.models.length > 1 ? `version ${spec.version}: ${failure.message}` : failure.message;
    const { code, time } = failure;
    // The host has died: KServe's name for a runtime whose process fails.
    const reason = code === "ABORTED" ? "RuntimeUnhealthy" : "ModelLoadFailed";
    const told: RolloutFailure = { reason, code, message, time, attempts, retryDelay: delay };
    course.counted.set(spec.version, { of: failure, as: told });
    if (delay !== undefined) this.#later(course, spec.version, delay, () => this.#startAgain(course, model));
    return told;
  }

  #startAgain(course: Course<Wanted>, model: ModelVersion): void {
    course.timers.get(model.spec.version)?.();
    course.timers.delete(model.spec.version);
    void this.#options.manager.start(model).then(() => this.#evaluate(course));
  }

  #serve(course: Course<Wanted>): void {
    const before = this.#active;
    this.#active = course;
    course.phase = "ready";
    this.#route(course);
    if (before !== undefined) void this.#discard(before);
    this.#options.onServing(course.revision);
  }

  /** Requests hear of a revision on its way when there is no other that could answer them. */
  #routeFirst(course: Course<Wanted>): void {
    if (this.#active === undefined || this.#active === course) this.#route(course);
  }

  #route(course: Course<Wanted>): void {
    const pending = course.failure === undefined ? `It is being prepared: ${course.step}` : course.failure.message.split("\n", 1)[0];
    this.#options.registry.set(this.#options, course.models, pending);
  }

  #later(course: Course<Wanted>, key: string, delay: number, task: () => void): void {
    course.timers.set(
      key,
      this.#options.clock.after(delay, () => {
        course.timers.delete(key);
        task();
      }),
    );
  }

  async #discard(course: Course<Wanted> | undefined): Promise<void> {
    if (course === undefined) return;
    course.controller.abort(new ServeError("CANCELLED", "another revision is wanted"));
    for (const cancel of course.timers.values()) cancel();
    const kept = [this.#active, this.#target].flatMap((each) => (each === course ? [] : (each?.models ?? [])));
    await Promise.all(course.models.filter((model) => !kept.includes(model)).map((model) => this.#options.manager.remove(model)));
  }
}
