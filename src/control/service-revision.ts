import { ServeError } from "../core/errors.ts";
import { FORMATS, formatsNamed, type ModelFormat } from "../core/formats.ts";
import type { JsonObject } from "../core/inference.ts";
import type { ModelSpec } from "../core/model.ts";
import type { InferenceService, PredictorModel, ServingRuntime } from "../core/resource.ts";
import type { Semaphore } from "../models/index.ts";
import { ANNOTATIONS, keepsAnswers, type RuntimeChoice, readServiceModel } from "../resources/index.ts";
import { stampOf } from "./artefact-files.ts";
import { PlanError, type Revision } from "./course.ts";
import { readTrust, trustIn } from "./trust.ts";

/** Where artefacts come from. */
export interface ArtefactSource {
  /** The local file or folder that a storageUri stands for. @throws ServeError */
  fetch(
    request: { readonly uri: string; readonly baseDirectory: string; readonly sha256?: string },
    onProgress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<{ readonly path: string }>;
}

export interface ServiceRevision extends Revision {
  /** Which runtime serves it, and why; undefined for a model that the command line names. */
  readonly choice: RuntimeChoice | undefined;
  /** As it was written. */
  readonly spec: JsonObject;
  /** Those that decide what runs. */
  readonly annotations: Readonly<Record<string, string>>;
  /** What of both decides which models run. */
  readonly template: string;
}

export interface PlanOptions {
  readonly source: ArtefactSource;
  /** Where relative URIs of services without an annotation begin. Absolute. */
  readonly baseDirectory: string;
  /** Artefacts that are looked into at the same time: the answers of the file system to hundreds would fill whole turns. */
  readonly looking: Semaphore;
  /** Files that are on this machine are watched from now on; undefined when they are not. */
  readonly follow?: ((path: string) => Promise<void>) | undefined;
}

/** How a written spec becomes models. */
export function planOf(service: InferenceService, choice: RuntimeChoice, options: PlanOptions): Revision["plan"] {
  return (report, signal) => plan(service, choice, options, report, signal);
}

async function plan(
  service: InferenceService,
  choice: RuntimeChoice,
  { source, baseDirectory: defaultDirectory, looking, follow }: PlanOptions,
  report: (step: string) => void,
  signal: AbortSignal,
): Promise<readonly ModelSpec[]> {
  const { namespace, name, annotations, predictor } = service;
  const { model } = predictor;
  if (model === undefined) {
    const hint = "give predictor.model with a modelFormat and a storageUri";
    throw new PlanError("InvalidPredictorSpec", `predictors of custom containers are not run by this version; ${hint}`);
  }
  const formats = formatsFor(model, choice);
  const scheduling = { ...choice.runtime?.scheduling, ...service.scheduling };
  const exactFramework = isExact(annotations[ANNOTATIONS.frameworkVersion]);
  const trust = readTrust(annotations[ANNOTATIONS.trust]);
  if (formats.every((format) => FORMATS[format].code === "always") && (trust === undefined || trust === "pickle")) {
    const hint = `to trust it, add ${ANNOTATIONS.trust}: code to metadata.annotations`;
    throw new PlanError(
      "InvalidPredictorSpec",
      `a model of format ${model.format.name} runs its own code with the rights of this server; ${hint}`,
    );
  }
  const { storageUri: uri } = model;
  if (uri === undefined)
    throw new PlanError(
      "InvalidPredictorSpec",
      "there is no storageUri; say where the model is, for example storageUri: file:///models/iris",
    );
  const sha256 = annotations[ANNOTATIONS.sha256];
  const baseDirectory = annotations[ANNOTATIONS.baseDirectory] ?? defaultDirectory;
  report(`fetching ${withoutQuery(uri)}`);
  const { path } = await source.fetch({ uri, baseDirectory, ...(sha256 === undefined ? {} : { sha256 }) }, report, signal);
  // Before anybody looks into them: what changes from here on is seen.
  const isFollowed = follow !== undefined && isLocal(uri);
  if (isFollowed) await follow(path);
  const specs = await looking.run(() => readServiceModel(name, path, formats));
  const planned: ModelSpec[] = [];
  for (const spec of specs) {
    const level = await trustIn(spec, trust, signal);
    planned.push({
      ...spec,
      namespace,
      variables: model.environment,
      residency: predictor.residency,
      scaling: predictor.scaling,
      ...(model.device === undefined ? {} : { device: model.device }),
      ...(keepsAnswers(annotations) ? { responseCache: true } : {}),
      ...(Object.keys(model.settings).length === 0 ? {} : { settings: { ...spec.settings, ...model.settings } }),
      ...(Object.keys(scheduling).length === 0 ? {} : { scheduling }),
      ...(level === undefined ? {} : { trust: level }),
      ...(exactFramework === undefined ? {} : { exactFramework }),
      ...(isFollowed ? { stamp: await stampOf(spec, spec.file !== path) } : {}),
    });
  }
  return planned;
}

/** The formats that the model's artefact may have. @throws PlanError when no host of this server serves them */
function formatsFor(model: PredictorModel, { runtime, failure }: RuntimeChoice): readonly ModelFormat[] {
  if (failure !== undefined) throw new PlanError(failure.reason, failure.message);
  if (runtime === undefined) throw new ServeError("INTERNAL", "a choice without a runtime and without a reason");
  const { host } = runtime;
  if (host === undefined) throw new PlanError("RuntimeUnhealthy", whyNoContainer(runtime));
  const formats = formatsNamed(model.format.name).filter((format) => host === "auto" || FORMATS[format].host === host);
  if (formats.length > 0) return formats;
  const loads = Object.keys(FORMATS).filter((format) => FORMATS[format as ModelFormat].host === host);
  const text = `the runtime ${runtime.name} names the host ${host}, which loads ${loads.join(", ")} and not ${model.format.name}`;
  throw new PlanError(
    "RuntimeUnhealthy",
    `${text}; set the annotation nitrous/host of the runtime to the other host, or name another runtime`,
  );
}

function whyNoContainer({ name, namespace, image }: ServingRuntime): string {
  const kind = namespace === undefined ? "ClusterServingRuntime" : "ServingRuntime";
  const what = `the ${kind} ${name} runs the container image ${image ?? "of its pod"}, and this version runs no containers`;
  return `${what}; name a built-in runtime with predictor.model.runtime (nitrous runtimes lists them), or delete or disable ${name}`;
}

/** What it names is read where it is, and was not downloaded. */
function isLocal(uri: string): boolean {
  return /^(file:|pvc:)/i.test(uri) || !uri.includes("://");
}

function isExact(value: string | undefined): boolean | undefined {
  if (value === undefined) return undefined;
  if (value === "exact" || value === "compatible") return value === "exact";
  throw new PlanError(
    "InvalidPredictorSpec",
    `the annotation ${ANNOTATIONS.frameworkVersion} is ${JSON.stringify(value)}; expected exact or compatible`,
  );
}

/** Queries may hold signatures. */
function withoutQuery(uri: string): string {
  return uri.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, "$1").replace(/\?.*$/s, "");
}

/** For a person. */
export function runtimeInWords(choice: RuntimeChoice | undefined): string {
  const chosen = choice?.candidates.find((candidate) => candidate.chosen);
  return chosen === undefined ? "it has no runtime" : `the runtime ${chosen.name} ${chosen.reason}`;
}
