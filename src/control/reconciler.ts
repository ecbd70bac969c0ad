import type { ServeError } from "../core/errors.ts";
import type { JsonObject, Target } from "../core/inference.ts";
import type { ModelSpec, ModelStatus } from "../core/model.ts";
import type { ResourceView } from "../core/planes.ts";
import type { InferenceService, ResourceKey } from "../core/resource.ts";
import { createSemaphore } from "../models/index.ts";
import { isWatched, toInferenceService } from "../resources/index.ts";
import { ArtefactWatch } from "./artefact-watch.ts";
import { isStopped } from "./decisive.ts";
import { ModelNames } from "./model-names.ts";
import { PacedWork } from "./paced-work.ts";
import type { ReconcilerOptions } from "./reconciler-options.ts";
import { Reloads } from "./reloads.ts";
import { describe, type ResourceTable } from "./resource-table.ts";
import { Rollout } from "./rollout.ts";
import { RuntimeChooser } from "./runtime-chooser.ts";
import { foundRevision, type ServiceAtWork } from "./service-at-work.ts";
import type { ServiceEvents } from "./service-events.ts";
import { ServiceMemory } from "./service-memory.ts";
import { revisionsToTell } from "./service-names.ts";
import type { ServiceRevision } from "./service-revision.ts";
import { serviceStatus } from "./service-status.ts";
import { ServiceStory, tellOfModels } from "./service-story.ts";
import { trainedModelStatus } from "./trained-model-status.ts";
import { inOwnName, isParent, isWaiting, TrainedModels, type TrainedSituation, waitingFor, whyNotLoaded } from "./trained-models.ts";
import { restoredOf, type Wish, type WishOptions, wishOf } from "./wish.ts";

/**
 * Makes what runs what is written. Level-triggered: whatever has happened, it looks at the resource as it is now and at the
 * models as they are now; doing so twice changes nothing.
 */
export class Reconciler {
  readonly #table: ResourceTable;
  readonly #happenings: ServiceEvents;
  readonly #options: ReconcilerOptions;
  readonly #services = new Map<string, ServiceAtWork>();
  readonly #names: ModelNames;
  /** Services that are no longer wanted, until their models have ended. */
  readonly #leaving = new Set<Promise<void>>();
  readonly #unsubscribe: () => void;
  readonly #artefacts: ArtefactWatch;
  readonly #reloads: Reloads;
  /** Hundreds of services may begin or change in one turn. */
  readonly #paced: PacedWork;
  /** As many as libuv has threads for files. More fill longer turns and are not done sooner. */
  readonly #looking = createSemaphore(4);
  readonly #runtimes: RuntimeChooser;
  readonly #trained: TrainedModels;
  #closed = false;

  constructor(table: ResourceTable, happenings: ServiceEvents, options: ReconcilerOptions) {
    this.#table = table;
    this.#happenings = happenings;
    this.#options = options;
    this.#runtimes = new RuntimeChooser(table);
    this.#names = new ModelNames(table);
    this.#trained = new TrainedModels(table, this.#runtimes);
    this.#paced = new PacedWork(options.clock);
    this.#artefacts = new ArtefactWatch(options.clock);
    this.#reloads = new Reloads(this.#artefacts, (key) => this.#reload(key));
    const ends = [
      options.events.on("model-state-changed", (status) => this.#modelChanged(status)),
      tellOfModels(options.events, (namespace, model) => this.#names.ownerOf({ namespace, name: model })?.story),
    ];
    this.#unsubscribe = () => {
      for (const end of ends) end();
    };
  }

  /** To be called when a resource has been written or deleted, and for each one at the start. */
  changed(key: ResourceKey): void {
    if (this.#closed) return;
    if (key.kind === "ServingRuntime" || key.kind === "ClusterServingRuntime") {
      this.#runtimesChanged();
      return;
    }
    // What is gone answers no request that comes after this.
    if (this.#table.find(key) === undefined) this.#reconcile(key);
    else this.#paced.run(() => this.#reconcile(key));
    this.#paced.run(() => this.#othersOf(key));
  }

  /**
   * Serves a model that was found in a folder, under a resource that the table shows: its versions, at least one, or why it cannot be served.
   * Settles when it has had its first attempt.
   */
  async adopt(key: ResourceKey, modelName: string, found: readonly ModelSpec[] | ServeError): Promise<void> {
    if (this.#closed) return;
    const view = this.#table.get(key);
    const service = toInferenceService(view);
    const entry = this.#begin(key, view, service, modelName);
    entry.rollout.desire(foundRevision(view, entry, found));
    await entry.rollout.tried;
  }

  /** The files of an adopted service have changed: what was found now is served, or the old goes on and the status says why. */
  adoptAgain(key: ResourceKey, found: readonly ModelSpec[] | ServeError): void {
    const entry = this.#services.get(describe(key));
    const view = this.#table.find(key);
    if (this.#closed || entry === undefined || view === undefined) return;
    this.#filesChanged(entry);
    entry.rollout.desire({ ...foundRevision(view, entry, found), reload: true });
  }

  /** The resource that a model is served under. */
  keyOf(target: Pick<Target, "namespace" | "name">): ResourceKey | undefined {
    return this.#names.ownerOf(target)?.key;
  }

  /** To be called when the server's address is another one: statuses say it. */
  addressChanged(): void {
    for (const entry of this.#services.values()) this.#touch(entry);
  }

  /** Settles when every service that there is now has had its first attempt. */
  async tried(): Promise<void> {
    await this.#paced.rest();
    await Promise.all([...this.#services.values()].map(({ rollout }) => rollout.tried));
  }

  /** Drain: everything finishes what is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#unsubscribe();
    this.#artefacts.close();
    for (const entry of this.#services.values()) this.#leave(entry);
    await Promise.all(this.#leaving);
  }

  /** TrainedModels depend on an InferenceService, and wait for the memory of their like. */
  #othersOf({ kind, namespace, name }: ResourceKey): void {
    if (kind === "InferenceService") for (const key of this.#trained.about({ namespace, name })) this.#reconcile(key);
    else for (const { key, wanted } of this.#services.values()) if (key.namespace === namespace && isWaiting(wanted)) this.#reconcile(key);
  }

  /** A TrainedModel gives way to an InferenceService of its name, which requests for either would mean. */
  #yieldTo({ namespace, name }: ResourceKey): void {
    const beside = this.#services.get(describe({ kind: "TrainedModel", namespace, name }));
    if (beside === undefined) return;
    this.#services.delete(describe(beside.key));
    this.#leave(beside);
  }

  #reconcile(key: ResourceKey): void {
    if (this.#closed) return;
    const { view, situation } = this.#trained.look(key);
    if (view !== undefined && key.kind === "InferenceService") this.#yieldTo(key);
    const present = this.#services.get(describe(key));
    if (present !== undefined && present.uid !== view?.metadata.uid) {
      this.#services.delete(describe(key));
      this.#leave(present);
      this.#options.clock.afterTurn(() => present.story.add("Normal", "Deleted", "its models finish what is under way and end"));
    }
    if (view === undefined) return;
    if (situation?.whyNameTaken !== undefined) {
      this.#table.setStatus(key, this.#trainedStatus(situation, view, undefined));
      return;
    }
    const service = toInferenceService(view);
    const entry = this.#services.get(describe(key)) ?? this.#begin(key, view, service, key.name);
    entry.service = service;
    entry.generation = view.metadata.generation;
    entry.parent = situation && { kind: "InferenceService", namespace: key.namespace, name: situation.trained.inferenceService };
    const why = situation && whyNotLoaded(situation);
    if (why === undefined) this.#desire(entry, view);
    else this.#hold(entry, why);
    this.#touch(entry);
  }

  /** A TrainedModel that its parent cannot have is not loaded, and its requests hear why. */
  #hold(entry: ServiceAtWork, why: string): void {
    const wanted = waitingFor(why);
    if (entry.wanted !== wanted) void entry.rollout.pause(why);
    entry.wanted = wanted;
    entry.choice = undefined;
  }

  #begin(key: ResourceKey, view: ResourceView, service: InferenceService, modelName: string): ServiceAtWork {
    const { namespace } = service;
    const rollout = new Rollout<ServiceRevision>({
      ...this.#options,
      namespace,
      name: modelName,
      claims: this.#names.claimsOf(() => entry),
      onChange: () => this.#touch(entry),
      onServing: (revision) =>
        memory.rolledOut(revision, () => !this.#closed && this.#isCurrent(entry) && entry.rollout.active?.revision.name === revision.name),
    });
    const { uid } = view.metadata;
    const story = new ServiceStory(this.#happenings, { ...key, namespace, uid });
    const onFault = (message: string): void => story.add("Warning", "StateNotWritten", message);
    const memory = new ServiceMemory({ table: this.#table, clock: this.#options.clock, key, uid, onFault });
    const entry: ServiceAtWork = {
      key: { ...key, namespace },
      uid,
      modelName,
      rollout,
      service,
      generation: view.metadata.generation,
      choice: undefined,
      wanted: "",
      story,
      memory,
      parent: undefined,
      reloads: 0,
      dirty: false,
      modelsChanged: false,
    };
    this.#services.set(describe(key), entry);
    const before = this.#names.begin(entry);
    if (before !== undefined) this.#again(before);
    return entry;
  }

  /** Rolls out what the resource says, unless that is what is being rolled out. */
  #desire(entry: ServiceAtWork, view: ResourceView): void {
    if (isStopped(view)) {
      if (entry.wanted !== "stopped") void entry.rollout.pause("It is stopped by its annotation serving.kserve.io/stop");
      entry.wanted = "stopped";
      entry.choice = undefined;
      return;
    }
    const wish = this.#wishOf(entry, view);
    entry.choice = wish.latest.choice;
    if (wish.text === entry.wanted) entry.rollout.retry();
    else this.#roll(entry, view, wish);
  }

  #roll(entry: ServiceAtWork, view: ResourceView, wish: Wish): void {
    entry.wanted = wish.text;
    const { rollout } = entry;
    // After a restart, and after it was stopped, what served before serves first; then what is wanted has its chance.
    const before = rollout.active === undefined ? restoredOf(view, this.#wishOptions(entry)) : undefined;
    if (before === undefined) {
      const replaced = rollout.target === rollout.active ? undefined : rollout.target;
      rollout.desire(wish.latest, wish.split);
      entry.memory.replaced(replaced, rollout);
      return;
    }
    rollout.restore(before);
    void rollout.tried.then(() => {
      const latest = this.#trained.look(entry.key).view;
      if (!this.#isCurrent(entry) || entry.wanted !== wish.text || latest === undefined) return;
      const { latest: revision, split } = this.#wishOf(entry, latest);
      rollout.desire(revision, split);
    });
  }

  #wishOf(entry: ServiceAtWork, view: ResourceView): Wish {
    return wishOf(view, this.#wishOptions(entry));
  }

  #wishOptions({ key, modelName, rollout, service, reloads }: ServiceAtWork): WishOptions {
    const { active, target, canaries } = rollout;
    const isFollowed = isWatched(service.annotations, this.#options.watch === true);
    if (!isFollowed) this.#reloads.forget(key);
    return {
      modelName,
      planning: { ...this.#options, looking: this.#looking },
      follow: isFollowed ? (path) => this.#reloads.follow(key, path) : undefined,
      reloads,
      choose: (service) => this.#runtimes.choose(service),
      present: [target, active].flatMap((attempt) => attempt?.revision ?? []),
      canaries: canaries.map(({ attempt }) => attempt.revision),
      history: this.#table.history(key),
      lastReady: this.#table.lastReady(key),
      adapt: key.kind === "TrainedModel" ? inOwnName(key.name) : undefined,
    };
  }

  /** What it is made of has changed, and nothing that was written: the old goes on until the new answers. */
  #reload(key: ResourceKey): void {
    const entry = this.#services.get(describe(key));
    if (entry !== undefined) this.#again(entry, () => this.#filesChanged(entry));
  }

  #again(entry: ServiceAtWork, before = (): void => void entry.reloads++): void {
    const { view } = this.#trained.look(entry.key);
    if (this.#closed || entry.choice === undefined || view === undefined || isStopped(view)) return;
    before();
    const { latest, split, text } = this.#wishOf(entry, view);
    entry.wanted = text;
    const { rollout } = entry;
    // What is rolled out stays so.
    const percent = rollout.target === rollout.active ? { percent: 100 } : {};
    rollout.desire({ ...latest, reload: true }, { ...split, ...percent });
  }

  #filesChanged(entry: ServiceAtWork): void {
    entry.reloads++;
    entry.story.begin("FilesChanged", "its files have changed; what is there now is loaded beside what serves");
  }

  /** Each service whose choice is another one now is rolled out again. */
  #runtimesChanged(): void {
    if (!this.#runtimes.forget()) return;
    this.#options.clock.afterTurn(() => {
      for (const entry of this.#services.values()) this.#paced.run(() => this.#chooseAgain(entry));
    });
  }

  #chooseAgain(entry: ServiceAtWork): void {
    if (entry.parent !== undefined) {
      if (this.#isCurrent(entry)) this.#reconcile(entry.key);
      return;
    }
    const view = this.#table.find(entry.key);
    if (entry.choice === undefined || view === undefined || this.#closed || !this.#isCurrent(entry)) return;
    const wish = this.#wishOf(entry, view);
    entry.choice = wish.latest.choice;
    if (wish.text !== entry.wanted) this.#roll(entry, view, wish);
    this.#touch(entry);
  }

  #modelChanged({ namespace, name }: ModelStatus): void {
    const entry = this.#names.ownerOf({ namespace, name });
    if (entry === undefined) return;
    entry.modelsChanged = true;
    this.#touch(entry);
  }

  /** The status is made once for everything that happens in one turn. */
  #touch(entry: ServiceAtWork): void {
    if (entry.dirty) return;
    entry.dirty = true;
    this.#paced.later(() => {
      entry.dirty = false;
      if (this.#isCurrent(entry)) this.#refresh(entry);
    });
  }

  #isCurrent(entry: ServiceAtWork): boolean {
    return this.#services.get(describe(entry.key)) === entry;
  }

  #refresh(entry: ServiceAtWork): void {
    if (entry.modelsChanged) {
      entry.modelsChanged = false;
      entry.rollout.modelChanged();
    }
    const { view, situation: trained } = this.#trained.look(entry.key);
    if (view === undefined) return;
    const { service, modelName, generation, choice, rollout } = entry;
    const { namespace } = service;
    const origin = this.#table.originOf(entry.key) === "command line" ? "command line" : "applied";
    const { active, target, canaries } = rollout;
    const url = this.#options.urlOf(namespace, modelName);
    const now = `${new Date().toISOString().slice(0, 19)}Z`;
    const revisions = revisionsToTell(this.#options.registry, { namespace, name: modelName });
    entry.memory.note(rollout);
    const history = this.#table.history(entry.key);
    const rolled = { service, origin, modelName, generation, stopped: isStopped(view), active, target, canaries } as const;
    const situation = { ...rolled, revisions, history, choice, url, now };
    const status = trained === undefined ? serviceStatus(situation, view.status) : this.#trainedStatus(trained, view, rollout);
    this.#table.setStatus(entry.key, status);
    entry.story.tell(rollout, revisions);
    for (const other of this.#services.values()) if (isParent(entry.key, other.parent)) this.#touch(other);
  }

  #trainedStatus(trained: TrainedSituation, view: ResourceView, rollout: Rollout<ServiceRevision> | undefined): JsonObject {
    return trainedModelStatus(trained, { view, rollout, url: this.#options.urlOf(trained.trained.namespace, trained.trained.name) });
  }

  #leave(entry: ServiceAtWork): void {
    entry.memory.end();
    this.#reloads.forget(entry.key);
    const names = this.#names.namesOf(entry);
    const stopped = entry.rollout.stop();
    this.#names.leave(entry);
    const left = stopped.finally(() => {
      this.#leaving.delete(left);
      const { namespace } = entry.key;
      for (const name of names) if (this.#names.ownerOf({ namespace, name }) === undefined) this.#options.onGone?.(namespace, name);
    });
    this.#leaving.add(left);
  }
}
