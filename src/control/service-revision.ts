import { ServeError } from "../core/errors.ts";
import { FORMATS, formatsNamed, type ModelFormat } from "../core/formats.ts";
import type { JsonObject } from "../core/inference.ts";
import type { ModelSpec } from "../core/model.ts";
import type { InferenceService, PredictorModel } from "../core/resource.ts";
import type { Semaphore } from "../models/index.ts";
import { ANNOTATIONS, keepsAnswers, type RuntimeChoice, readServiceModel, runsOwnServer, tritonRepositoryOf } from "../resources/index.ts";
import { type FetchOptions, fetchArtefact } from "./artefact-fetch.ts";
import { stampOf } from "./artefact-files.ts";
import { PlanError, type Revision } from "./course.ts";
import { planServer, type ServerPlanOptions } from "./server-plan.ts";
import { planTriton, type TritonPlanOptions } from "./triton-plan.ts";
import { readTrust, trustIn } from "./trust.ts";

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

export interface PlanOptions extends FetchOptions, ServerPlanOptions, TritonPlanOptions {
  /** Artefacts that are looked into at the same time: the answers of the file system to hundreds would fill whole turns. */
  readonly looking: Semaphore;
}

/** How a written spec becomes models. */
export function planOf(service: InferenceService, choice: RuntimeChoice, options: PlanOptions): Revision["plan"] {
  const triton = choice.failure === undefined ? tritonRepositoryOf(service, choice.runtime) : undefined;
  if (triton !== undefined) return (report, signal) => planTriton(service, choice, triton, options, report, signal);
  return (report, signal) =>
    runsOwnServer(service, choice.runtime) && choice.failure === undefined
      ? planServer(service, choice, options, report, signal)
      : plan(service, choice, options, report, signal);
}

async function plan(
  service: InferenceService,
  choice: RuntimeChoice,
  options: PlanOptions,
  report: (step: string) => void,
  signal: AbortSignal,
): Promise<readonly ModelSpec[]> {
  const { namespace, name, annotations, predictor } = service;
  const { model } = predictor;
  if (model === undefined) throw new ServeError("INTERNAL", "a predictor without a model and without a server");
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
  const { path, isFollowed } = await fetchArtefact(service, uri, options, report, signal);
  const specs = await options.looking.run(() => readServiceModel(name, path, formats));
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
  const formats = formatsNamed(model.format.name).filter((format) => host === "auto" || FORMATS[format].host === host);
  if (formats.length > 0) return formats;
  const loads = Object.keys(FORMATS).filter((format) => FORMATS[format as ModelFormat].host === host);
  const text = `the runtime ${runtime.name} names the host ${host}, which loads ${loads.join(", ")} and not ${model.format.name}`;
  throw new PlanError(
    "RuntimeUnhealthy",
    `${text}; set the annotation nitrous/host of the runtime to the other host, or name another runtime`,
  );
}

function isExact(value: string | undefined): boolean | undefined {
  if (value === undefined) return undefined;
  if (value === "exact" || value === "compatible") return value === "exact";
  throw new PlanError(
    "InvalidPredictorSpec",
    `the annotation ${ANNOTATIONS.frameworkVersion} is ${JSON.stringify(value)}; expected exact or compatible`,
  );
}

/** For a person. */
export function runtimeInWords(choice: RuntimeChoice | undefined): string {
  const chosen = choice?.candidates.find((candidate) => candidate.chosen);
  if (chosen === undefined && choice !== undefined && choice.failure === undefined) return "it has a server of its own";
  return chosen === undefined ? "it has no runtime" : `the runtime ${chosen.name} ${chosen.reason}`;
}
