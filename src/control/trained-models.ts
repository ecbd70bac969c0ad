import type { ModelSpec } from "../core/model.ts";
import type { ResourceView } from "../core/planes.ts";
import type { ResourceKey, TrainedModel } from "../core/resource.ts";
import { memoryLimitOf, type RuntimeChoice, toInferenceService, toTrainedModel, trainedSpec } from "../resources/index.ts";
import type { ResourceTable } from "./resource-table.ts";
import type { RuntimeChooser } from "./runtime-chooser.ts";

/** What a TrainedModel needs before it can be loaded: KServe's conditions, each with why it does not hold. */
export interface TrainedSituation {
  readonly trained: TrainedModel;
  /** Undefined when there is none. */
  readonly parent: ResourceView | undefined;
  /** Undefined when the parent, or what it names, is not there. */
  readonly choice: RuntimeChoice | undefined;
  /** Undefined as long as it holds, as the others. */
  readonly whyNoParent: string | undefined;
  readonly whyNotMultiModel: string | undefined;
  readonly whyNotFramework: string | undefined;
  readonly whyNoMemory: string | undefined;
  /** Something else has its name in requests. */
  readonly whyNameTaken: string | undefined;
}

/** TrainedModels as what they are here: models of their own in the server of an InferenceService. */
export class TrainedModels {
  readonly #table: ResourceTable;
  readonly #runtimes: RuntimeChooser;

  constructor(table: ResourceTable, runtimes: RuntimeChooser) {
    this.#table = table;
    this.#runtimes = runtimes;
  }

  /** Those that the server of an InferenceService is to hold, and those that have its name. */
  about({ namespace, name }: Pick<ResourceKey, "namespace" | "name">): ResourceKey[] {
    return this.#in(namespace)
      .filter((view) => toTrainedModel(view).inferenceService === name || view.metadata.name === name)
      .map(keyOf);
  }

  /** A resource in the form of an InferenceService; undefined when it is gone. */
  look(key: ResourceKey): { readonly view: ResourceView | undefined; readonly situation: TrainedSituation | undefined } {
    const view = this.#table.find(key);
    if (view === undefined || key.kind !== "TrainedModel") return { view, situation: undefined };
    const situation = this.#situationOf(view);
    return { view: asService(view, situation), situation };
  }

  #situationOf(view: ResourceView): TrainedSituation {
    const trained = toTrainedModel(view);
    const { namespace, name, inferenceService, framework } = trained;
    const taken = this.#table.find({ kind: "InferenceService", namespace, name });
    const whyNameTaken =
      taken === undefined ? undefined : `the InferenceService ${name} of this namespace has that name; call one of them otherwise`;
    const parent = this.#table.find({ kind: "InferenceService", namespace, name: inferenceService });
    if (parent === undefined) {
      const whyNoParent = `there is no InferenceService ${inferenceService} in the namespace ${namespace}; apply it, or name another one in spec.inferenceService`;
      const all = { whyNotMultiModel: whyNoParent, whyNotFramework: whyNoParent, whyNoMemory: whyNoParent };
      return { trained, parent, choice: undefined, whyNameTaken, whyNoParent, ...all };
    }
    const choice = this.#runtimes.choose(toInferenceService(parent));
    const { runtime } = choice;
    const formats = runtime?.formats.map((format) => format.name) ?? [];
    return {
      trained,
      parent,
      choice,
      whyNameTaken,
      whyNoParent: undefined,
      whyNotMultiModel:
        runtime?.multiModel === true
          ? undefined
          : `the InferenceService ${inferenceService} has ${runtime === undefined ? "no runtime" : `the runtime ${runtime.name}`}, which holds one model; name a runtime with multiModel: true in its predictor`,
      whyNotFramework: formats.includes(framework)
        ? undefined
        : `the runtime ${runtime?.name ?? ""} of the InferenceService ${inferenceService} does not serve ${framework}; it serves ${[...new Set(formats)].join(", ")}`,
      whyNoMemory: this.#whyNoMemory(view, trained, parent, choice),
    };
  }

  /** Memory is given in the order in which the models came. */
  #whyNoMemory(view: ResourceView, trained: TrainedModel, parent: ResourceView, { runtime }: RuntimeChoice): string | undefined {
    const limit = memoryLimitOf(parent.spec, runtime?.pod?.spec);
    if (limit === undefined) return undefined;
    let taken = 0;
    for (const other of this.#in(trained.namespace)) {
      const { inferenceService, memory } = toTrainedModel(other);
      if (inferenceService === trained.inferenceService && isBefore(other, view)) taken += memory;
    }
    if (taken + trained.memory <= limit) return undefined;
    const others = taken === 0 ? "" : `, of which its other models have ${mebibytes(taken)}`;
    return `it needs ${mebibytes(trained.memory)}, and the server of ${trained.inferenceService} may have ${mebibytes(limit)}${others}`;
  }

  #in(namespace: string | undefined): readonly ResourceView[] {
    return this.#table.list("TrainedModel", namespace).items;
  }
}

/** The same model as an InferenceService with the parent's predictor: what it was applied with stays its own. */
function asService(view: ResourceView, { trained, parent, choice }: TrainedSituation): ResourceView {
  const { labels = {}, annotations = {}, ...metadata } = view.metadata;
  return {
    ...view,
    metadata: {
      ...metadata,
      // Its server is the parent's, whose templates name that.
      name: trained.inferenceService,
      labels: { ...parent?.metadata.labels, ...labels },
      annotations: { ...parent?.metadata.annotations, ...annotations },
    },
    spec: trainedSpec(trained, parent?.spec ?? {}, choice?.runtime?.name ?? ""),
  };
}

/** Why the model is not loaded; undefined when it can be. */
export function whyNotLoaded({ whyNoParent, whyNotMultiModel, whyNotFramework, whyNoMemory }: TrainedSituation): string | undefined {
  return whyNoParent ?? whyNotMultiModel ?? whyNotFramework ?? whyNoMemory;
}

/** A model that was planned in its parent's name. */
export function inOwnName(name: string): (spec: ModelSpec) => ModelSpec {
  return ({ upstream, scaling, ...spec }) => ({
    ...spec,
    name,
    ...(upstream === undefined ? {} : { upstream: { ...upstream, modelName: name } }),
  });
}

const WAITING = "waits: ";

/** What is wanted of a model that cannot be loaded now. */
export function waitingFor(why: string): string {
  return `${WAITING}${why}`;
}

export function isWaiting(wanted: string): boolean {
  return wanted.startsWith(WAITING);
}

export function isParent({ kind, namespace, name }: ResourceKey, parent: ResourceKey | undefined): boolean {
  return parent !== undefined && parent.kind === kind && parent.namespace === namespace && parent.name === name;
}

function keyOf({ kind, metadata: { namespace, name } }: ResourceView): ResourceKey {
  return { kind, namespace, name };
}

function isBefore({ metadata: left }: ResourceView, { metadata: right }: ResourceView): boolean {
  if (left.creationTimestamp !== right.creationTimestamp) return left.creationTimestamp < right.creationTimestamp;
  return left.name < right.name;
}

function mebibytes(bytes: number): string {
  return `${Math.round((bytes / 1024 / 1024) * 10) / 10} MiB`;
}
