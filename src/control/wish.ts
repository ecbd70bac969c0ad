import type { JsonObject } from "../core/inference.ts";
import type { ModelSpec } from "../core/model.ts";
import type { ResourceView } from "../core/planes.ts";
import type { InferenceService } from "../core/resource.ts";
import type { ReadySpec, RevisionRecord } from "../core/resource-store.ts";
import {
  affinityHeader,
  canarySpecs,
  canaryTrafficPercent,
  decisiveAnnotations,
  predictorName,
  type RuntimeChoice,
  toInferenceService,
  versionTraffic,
  withDecisive,
} from "../resources/index.ts";
import type { Split } from "./course.ts";
import { keyOf, templateText, textOf } from "./decisive.ts";
import { serverText } from "./server-plan.ts";
import { type PlanOptions, planOf, type ServiceRevision } from "./service-revision.ts";

/** What a resource wants to be served. */
export interface Wish {
  readonly latest: ServiceRevision;
  readonly split: Split<ServiceRevision>;
  /** The same as long as the same is wanted. */
  readonly text: string;
}

export interface WishOptions {
  /** The name of the service's models in requests. */
  readonly modelName: string;
  readonly planning: PlanOptions;
  /** Watches files from now on; undefined when they are not watched. */
  readonly follow: PlanOptions["follow"];
  /** How often the files of the newest revision have changed. */
  readonly reloads: number;
  readonly choose: (service: InferenceService) => RuntimeChoice;
  /** What becomes of each model that is planned; absent for nothing. */
  readonly adapt?: ((spec: ModelSpec) => ModelSpec) | undefined;
  /** The newest revision and the one that is rolled out, as far as they are there. */
  readonly present: readonly ServiceRevision[];
  /** Those of canaries that are there. */
  readonly canaries: readonly ServiceRevision[];
  /** What became of earlier ones, ascending. */
  readonly history: readonly RevisionRecord[];
  /** What was rolled out last. */
  readonly lastReady: ReadySpec | undefined;
}

/** The revisions of a resource. One that only differs in how the requests are split has the name that it had. */
export function wishOf(view: ResourceView, options: WishOptions): Wish {
  const { metadata, spec } = view;
  const annotations = metadata.annotations ?? {};
  const template = templateText(spec, annotations);
  const name = predictorName(spec);
  const { follow, reloads, planning } = options;
  const generation = numberOf(template, view, options);
  const made = revisionOf(view, spec, annotations, generation, name === undefined ? [] : [name], {
    ...options,
    planning: { ...planning, follow },
  });
  const latest = reloads === 0 ? made : { ...made, key: `${made.key} ${reloads}` };
  const percent = canaryTrafficPercent(spec);
  const canaries = canarySpecs(spec).map((canary) => {
    const revision = revisionOf(view, canary.spec, annotations, metadata.generation, [], options);
    const known = options.canaries.find(({ key }) => key === revision.key)?.generation ?? revision.generation;
    return {
      name: canary.name,
      percent: canary.percent,
      revision: { ...revision, name: `${options.modelName}-${canary.name}-${padded(known)}` },
    };
  });
  const [header, versions] = [affinityHeader(annotations), versionTraffic(annotations)];
  const split = {
    percent,
    canaries,
    previous: percent < 100 ? previousOf(view, template, options) : undefined,
    affinityHeader: header,
    versions,
  };
  const shares = canaries.map((canary) => [canary.name, canary.percent, canary.revision.key]);
  return { latest, split, text: textOf([latest.key, latest.tags, percent, shares, header, [...(versions ?? [])]]) };
}

/** The revision that was rolled out last; undefined when there is none, or it is what is wanted now. */
export function restoredOf(view: ResourceView, options: WishOptions): ServiceRevision | undefined {
  const { lastReady, history } = options;
  if (lastReady === undefined) return undefined;
  const annotations = annotationsOf(lastReady, view, history);
  if (templateText(lastReady.spec, annotations) === templateText(view.spec, view.metadata.annotations ?? {})) return undefined;
  return revisionOf(view, lastReady.spec, annotations, lastReady.generation, [], options);
}

/** The one that was rolled out before the wanted one. */
function previousOf(view: ResourceView, template: string, options: WishOptions): ServiceRevision | undefined {
  const record = options.history
    .filter(({ outcome, spec, annotations }) => outcome === "rolled out" && templateText(spec, annotations) !== template)
    .reduce<RevisionRecord | undefined>((latest, each) => (latest === undefined || each.time >= latest.time ? each : latest), undefined);
  if (record === undefined) return undefined;
  return revisionOf(view, record.spec, withDecisive(view.metadata.annotations, record.annotations), record.generation, [], options);
}

/** The generation that the template was first wanted at. */
function numberOf(template: string, view: ResourceView, { present, history, lastReady }: WishOptions): number {
  const running = present.find((revision) => revision.template === template);
  if (running !== undefined) return running.generation;
  if (lastReady !== undefined && templateText(lastReady.spec, annotationsOf(lastReady, view, history)) === template) {
    return lastReady.generation;
  }
  const newest = history.at(-1);
  return newest !== undefined && templateText(newest.spec, newest.annotations) === template ? newest.generation : view.metadata.generation;
}

function annotationsOf(
  { generation }: ReadySpec,
  view: ResourceView,
  history: readonly RevisionRecord[],
): Readonly<Record<string, string>> {
  const record = history.find((each) => each.generation === generation);
  return record === undefined ? (view.metadata.annotations ?? {}) : withDecisive(view.metadata.annotations, record.annotations);
}

function revisionOf(
  { metadata }: ResourceView,
  spec: JsonObject,
  annotations: Readonly<Record<string, string>>,
  generation: number,
  tags: readonly string[],
  { modelName, planning, choose, adapt }: WishOptions,
): ServiceRevision {
  const service = toInferenceService({ metadata: { ...metadata, annotations } as ResourceView["metadata"] & { name: string }, spec });
  const choice = choose(service);
  const template = templateText(spec, annotations);
  const plan = planOf(service, choice, planning);
  return {
    name: revisionName(modelName, generation),
    generation,
    key: keyOf(template, choice, serverText(service, choice)),
    tags,
    minReplicas: service.predictor.minReplicas,
    choice,
    spec,
    annotations: decisiveAnnotations(annotations),
    template,
    plan: adapt === undefined ? plan : async (report, signal) => (await plan(report, signal)).map(adapt),
  };
}

/** Knative's names of revisions. */
export function revisionName(modelName: string, generation: number): string {
  return `${modelName}-${padded(generation)}`;
}

function padded(generation: number): string {
  return String(generation).padStart(5, "0");
}
