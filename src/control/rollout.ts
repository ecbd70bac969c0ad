import type { Clock } from "../core/clock.ts";
import { firstLine, ServeError } from "../core/errors.ts";
import type { ModelSpec } from "../core/model.ts";
import type { Manager, ModelVersion, Registry } from "../models/index.ts";
import { type Attempt, begin, type Course, modelKey, PlanError, type Revision, type RolloutFailure, type Split, WHOLE } from "./course.ts";
import { modelFailure, planFailure } from "./rollout-failure.ts";
import type { PlacedCanary } from "./served-revisions.ts";
import { type NameClaims, namesOf, ServiceNames } from "./service-names.ts";
import { changeOf, changeReplicas } from "./spec-changes.ts";

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
  /** Of names that are not the service's own; any may be had when absent. */
  readonly claims?: NameClaims;
}

/**
 * Brings one service from the revision that serves to the one that is wanted, or lets both serve with a part of the requests each,
 * beside canaries that have names. The old one goes on serving until the new one can; when it cannot, the old one stays. What may go
 * away by itself is tried again.
 */
export class Rollout<Wanted extends Revision = Revision> {
  readonly #options: RolloutOptions<Wanted>;
  readonly #names: ServiceNames<Wanted>;
  #active: Course<Wanted> | undefined;
  #target: Course<Wanted> | undefined;
  /** Comes back, and has the place of the active one as soon as it can serve. */
  #returning: Course<Wanted> | undefined;
  #canaries: readonly PlacedCanary<Wanted>[] = [];
  #split: Split<Wanted> = WHOLE;
  #tried!: () => void;
  #stopped = false;
  /** Settles when the first revision has had its first attempt. */
  readonly tried = new Promise<void>((resolve) => {
    this.#tried = resolve;
  });

  constructor(options: RolloutOptions<Wanted>) {
    this.#options = options;
    this.#names = new ServiceNames(options);
  }

  /** The revision that is rolled out: it answers what no other one gets. */
  get active(): Attempt<Wanted> | undefined {
    return this.#active;
  }

  /** The revision that was wanted last; the same as the active one once that is rolled out. */
  get target(): Attempt<Wanted> | undefined {
    return this.#target;
  }

  /** In the order in which they are wanted. */
  get canaries(): readonly { readonly name: string; readonly percent: number; readonly attempt: Attempt<Wanted> }[] {
    return this.#canaries.map(({ name, percent, course }) => ({ name, percent, attempt: course }));
  }

  /**
   * Begins to roll a revision out; one that is still on its way, or has a part of the requests, is given up. Revisions that are there
   * already are taken as they are.
   */
  desire(latest: Wanted, split: Split<Wanted> = WHOLE): void {
    if (this.#stopped) return;
    this.#split = split;
    const before = this.#courses();
    const target = this.#courseOf(latest, before, []);
    this.#target = target;
    const taken: Array<Course<Wanted> | undefined> = [this.#active, target];
    this.#canaries = split.canaries.map(({ name, percent, revision }) => {
      const course = this.#courseOf(revision, before, taken);
      taken.push(course);
      return { name, percent, course };
    });
    const returns = target === this.#active && split.percent < 100 ? split.previous : undefined;
    this.#returning = returns === undefined ? undefined : this.#courseOf(returns, before, taken);
    const now = this.#courses();
    for (const course of now) if (!before.has(course)) void this.#plan(course);
    for (const course of now) if (before.has(course) && course.phase !== "planning") this.#evaluate(course);
    this.#route();
    for (const course of before) if (!this.#courses().has(course)) void this.#discard(course);
  }

  /** A revision that has served before keeps its place as if it had never stopped: until another one can serve. */
  restore(revision: Wanted): void {
    if (this.#stopped) return;
    this.#active = begin(revision);
    this.#route();
    void this.#plan(this.#active);
  }

  /** Tries again now what has failed. */
  retry(): void {
    const failed = [...this.#courses()].filter(({ failure }) => failure !== undefined);
    if (failed.length === 0 || this.#target === undefined) return;
    let anew = false;
    for (const course of failed) {
      course.attempts.clear();
      if (course.models.length === 0 || course !== this.#active) anew = true;
      else for (const model of course.models) if (model.failure !== undefined) this.#startAgain(course, model);
    }
    if (anew) this.desire(this.#target.revision, this.#split);
  }

  /** To be called when a model of this service has changed its state. */
  modelChanged(): void {
    for (const course of this.#courses()) {
      // While models have their first attempt, its end is waited for.
      if (course.phase !== "planning") this.#evaluate(course);
    }
    this.#options.onChange();
  }

  /**
   * Requests hear the reason until a revision is desired again. Settles when the models have finished what is under way.
   */
  async pause(reason: string): Promise<void> {
    this.#names.clear(reason);
    await this.#leave();
  }

  /** The service is gone for good. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#names.delete();
    await this.#leave();
  }

  async #leave(): Promise<void> {
    const courses = this.#courses();
    this.#active = undefined;
    this.#target = undefined;
    this.#returning = undefined;
    this.#canaries = [];
    this.#tried();
    await Promise.all([...courses].map((course) => this.#discard(course)));
  }

  /** Every one that is wanted, or serves. */
  #courses(): Set<Course<Wanted>> {
    const all = [this.#active, this.#target, this.#returning, ...this.#canaries.map(({ course }) => course)];
    return new Set(all.filter((course) => course !== undefined));
  }

  /** The one that is there, unless it has failed or is used for something else; else a new one. */
  #courseOf(revision: Wanted, present: ReadonlySet<Course<Wanted>>, taken: readonly (Course<Wanted> | undefined)[]): Course<Wanted> {
    for (const course of present) {
      if (course.revision.key !== revision.key || taken.includes(course)) continue;
      if (course.failure !== undefined && (course !== this.#active || course.models.length === 0)) continue;
      course.revision = revision;
      return course;
    }
    return begin(revision);
  }

  async #plan(course: Course<Wanted>): Promise<void> {
    const { signal } = course.controller;
    const { manager, createModel } = this.#options;
    try {
      const specs = await course.revision.plan((step) => this.#report(course, step), signal);
      signal.throwIfAborted();
      const whyNot = this.#names.claim(specs);
      if (whyNot !== undefined) throw new PlanError("InvalidPredictorSpec", whyNot);
      const present = course.revision.reload === true && this.#active !== course ? (this.#active?.models ?? []) : [];
      course.models = specs.map((spec) => this.#unchanged(present, spec) ?? createModel(spec));
      course.phase = "loading";
      course.failure = undefined;
      this.#route();
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
    const model = present.find((each) => spec.stamp !== undefined && each.answers && changeOf(each.spec, spec) !== "model");
    if (model !== undefined && changeOf(model.spec, spec) === "replicas") void changeReplicas(this.#options.manager, model, spec);
    return model;
  }

  #report(course: Course<Wanted>, step: string): void {
    course.step = step;
    if (course.controller.signal.aborted) return;
    this.#route();
    this.#options.onChange();
  }

  #failPlan(course: Course<Wanted>, error: unknown): void {
    const failure = planFailure(course, error);
    course.phase = "failed";
    course.failure = failure;
    if (failure.retryDelay !== undefined) this.#later(course, "", failure.retryDelay, () => this.#plan(course));
    this.#route();
    this.#options.onChange();
  }

  /** Level-triggered: looks at how the models are and does what follows from it; twice is the same as once. */
  #evaluate(course: Course<Wanted>): void {
    const { models } = course;
    // Without models there is only the plan, whose failure stays until it is tried again.
    if (course.controller.signal.aborted || models.length === 0) return;
    const latest = namesOf(models.map(({ spec }) => spec)).map((name) => models.findLast(({ spec }) => spec.name === name));
    const serves = (model: ModelVersion | undefined): boolean => model?.answers === true;
    // What gets a share of the requests has to answer them.
    const shares = this.#split.versions;
    const hasShare = (model: ModelVersion): boolean => course.revision.reload === true || (shares?.get(model.spec.version) ?? 0) > 0;
    const isWanted = latest.every(serves) && models.every((model) => serves(model) || !hasShare(model));
    if (course !== this.#active && (isWanted || (this.#active === undefined && models.some(serves)))) this.#place(course);
    for (const model of models) if (serves(model)) course.attempts.delete(modelKey(model));
    course.failure = models.map((model) => this.#failureOf(course, model)).findLast((failure) => failure !== undefined);
    const isPlaced = course === this.#active || course.admitted;
    if (course.failure === undefined) {
      // One that somebody has drained is as somebody wants it.
      if (isPlaced) course.phase = models.every((model) => serves(model) || model.drained) ? "ready" : "loading";
    } else if (!isPlaced || !models.some(serves)) course.phase = "failed";
    this.#options.onChange();
  }

  /** Counts each failure of a model once, and answers it with another attempt where that may help. */
  #failureOf(course: Course<Wanted>, model: ModelVersion): RolloutFailure | undefined {
    const found = modelFailure(course, model);
    const delay = found?.failure.retryDelay;
    if (found?.isNew === true && delay !== undefined) {
      this.#later(course, modelKey(model), delay, () => this.#startAgain(course, model));
    }
    return found?.failure;
  }

  #startAgain(course: Course<Wanted>, model: ModelVersion): void {
    course.timers.get(modelKey(model))?.();
    course.timers.delete(modelKey(model));
    void this.#options.manager.start(model).then(() => this.#evaluate(course));
  }

  /** It can serve: alone, or beside the others. */
  #place(course: Course<Wanted>): void {
    const isAlone = course === this.#target && (this.#active === undefined || this.#split.percent === 100);
    if (isAlone || course === this.#returning) this.#serve(course);
    else if (!course.admitted) {
      course.admitted = true;
      this.#route();
    }
  }

  #serve(course: Course<Wanted>): void {
    const before = this.#active;
    this.#active = course;
    if (this.#returning === course) this.#returning = undefined;
    if (before !== undefined && before === this.#target) before.admitted = true;
    course.phase = "ready";
    this.#route();
    if (before !== undefined && !this.#courses().has(before)) void this.#discard(before);
    this.#options.onServing(course.revision);
  }

  /** Requests hear of a revision on its way when there is no other that could answer them. */
  #route(): void {
    const first = this.#active ?? this.#target;
    if (first === undefined) return;
    const pending = first.failure === undefined ? `It is being prepared: ${first.step}` : firstLine(first.failure.message);
    const { affinityHeader } = this.#split;
    const served = { first, target: this.#target, canaries: this.#canaries, split: this.#split };
    this.#names.route(served, { pending, ...(affinityHeader === undefined ? {} : { affinityHeader }) });
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
    const kept = [...this.#courses()].flatMap((each) => (each === course ? [] : each.models));
    await Promise.all(course.models.filter((model) => !kept.includes(model)).map((model) => this.#options.manager.remove(model)));
  }
}
