import type { BackendServers } from "../core/backend-servers.ts";
import { ServeError } from "../core/errors.ts";
import { FORMATS } from "../core/formats.ts";
import type { ModelSpec } from "../core/model.ts";
import type { InferenceService } from "../core/resource.ts";
import { MOST_REPLICAS, type ScalingSpec } from "../core/scaling.ts";
import type { Semaphore } from "../models/index.ts";
import { ANNOTATIONS, keepsAnswers, type RuntimeChoice, readServiceRepository, type TritonArguments } from "../resources/index.ts";
import { type FetchOptions, fetchArtefact } from "./artefact-fetch.ts";
import { stampOf } from "./artefact-files.ts";
import { PlanError } from "./course.ts";
import { readTrust, type TrustRule, trustIn } from "./trust.ts";

export interface TritonPlanOptions {
  /** Who serves models of backends that this server does not have; nobody when absent. */
  readonly backends?: BackendServers;
}

/** The models of a service whose artefact is a Triton model repository, or one model of one. @throws PlanError, ServeError */
export async function planTriton(
  service: InferenceService,
  { runtime }: RuntimeChoice,
  words: TritonArguments,
  options: FetchOptions & TritonPlanOptions & { readonly looking: Semaphore },
  report: (step: string) => void,
  signal: AbortSignal,
): Promise<readonly ModelSpec[]> {
  const { namespace, name, annotations, predictor } = service;
  const { model } = predictor;
  if (model?.storageUri === undefined) throw new ServeError("INTERNAL", "a model repository without a storageUri");
  const trust = readTrust(annotations[ANNOTATIONS.trust]);
  const { path, isFollowed } = await fetchArtefact(service, model.storageUri, options, report, signal);
  const { backends } = options;
  const found = await options.looking.run(() =>
    readServiceRepository(name, path, { backends, configurationName: words.configurationName }),
  );
  const notes = words.notInEffect.map((text) => `the argument ${text} of its tritonserver has no effect here`);
  const planned: ModelSpec[] = [];
  for (const spec of wanted(found, words, name)) {
    const level = spec.trust ?? (await trustOf(spec, trust, signal));
    const scheduling = { ...runtime?.scheduling, ...spec.scheduling, ...service.scheduling };
    const { scaling, ...others } = spec;
    planned.push({
      ...others,
      namespace,
      variables: { ...spec.variables, ...model.environment },
      residency: predictor.residency,
      // The models of one server would be the same model in the same server.
      ...(spec.upstream?.shared === true ? {} : { scaling: scaled(predictor.scaling, scaling) }),
      ...(model.device === undefined ? {} : { device: model.device }),
      ...(keepsAnswers(annotations) ? { responseCache: true } : {}),
      ...(Object.keys(scheduling).length === 0 ? {} : { scheduling }),
      ...(level === undefined ? {} : { trust: level }),
      ...(notes.length === 0 ? {} : { notes: [...(spec.notes ?? []), ...notes] }),
      ...(isFollowed ? { stamp: await stampOf(spec, spec.file !== path) } : {}),
    });
  }
  return planned;
}

/** @throws PlanError for code that nobody trusts */
async function trustOf(spec: ModelSpec, trust: TrustRule | undefined, signal: AbortSignal): Promise<ModelSpec["trust"]> {
  if (FORMATS[spec.format].code === "always" && (trust === undefined || trust === "pickle")) {
    const hint = `to trust it, add ${ANNOTATIONS.trust}: code to metadata.annotations`;
    throw new PlanError("InvalidPredictorSpec", `its model ${spec.name} runs its own code with the rights of this server; ${hint}`);
  }
  return trustIn(spec, trust, signal);
}

/** With --model-control-mode=explicit those that --load-model names, and the steps of ensembles among them. @throws PlanError */
function wanted(specs: readonly ModelSpec[], { modelControl, loadModels }: TritonArguments, service: string): readonly ModelSpec[] {
  if (modelControl !== "explicit" || loadModels.includes("*")) return specs;
  const names = new Set(loadModels);
  for (const name of names) {
    const versions = specs.filter((spec) => spec.name === name);
    if (versions.length === 0) {
      const there = [...new Set(specs.map((spec) => spec.name))].join(", ");
      throw new PlanError("InvalidPredictorSpec", `--load-model names ${name}, and the model repository of ${service} has ${there}`);
    }
    // A set that grows while it is gone through is gone through to its end.
    for (const { configuration } of versions) for (const { modelName } of configuration?.ensemble?.steps ?? []) names.add(modelName);
  }
  if (names.size > 0) return specs.filter(({ name }) => names.has(name));
  const hint = "add --load-model=NAME, or --load-model=* for all";
  throw new PlanError("InvalidPredictorSpec", `--model-control-mode=explicit loads nothing of ${service} by itself; ${hint}`);
}

/** Each of KServe's replicas would be a server with all of the model's instances. */
function scaled(pods: ScalingSpec, instances: ScalingSpec | undefined): ScalingSpec {
  if (instances === undefined) return pods;
  const times = (left: number, right: number): number => Math.min(left * right, MOST_REPLICAS);
  return { ...pods, least: times(pods.least, instances.least), most: times(pods.most, instances.most) };
}
