import type { JsonObject } from "../core/inference.ts";
import { MOST_REPLICAS, type ScalingSpec } from "../core/scaling.ts";
import type { FieldPath, Finding } from "./field-path.ts";
import { isGiven, numberIn, textIn } from "./json-fields.ts";
import { annotatedScaling } from "./scaling-annotations.ts";

/** Knative's defaults (config-autoscaler). */
const CONCURRENCY_TARGET = 100;
const RPS_TARGET = 200;
const UTILIZATION = 0.7;
const WINDOW_MS = 60_000;
const PANIC_WINDOW = 0.1;
const PANIC_THRESHOLD = 2;

const AUTOSCALER = "serving.kserve.io/autoscalerClass";

type Annotations = Readonly<Record<string, string>>;

/** `minReplicas`, or Knative's min-scale where that is not given; undefined when neither is. */
export function leastReplicas(predictor: JsonObject | undefined, annotations: Annotations): number | undefined {
  return isGiven(predictor, "minReplicas") ? numberIn(predictor, "minReplicas") : annotatedScaling(annotations).least;
}

/**
 * How many replicas a predictor gets, and what decides it. Its own fields count before Knative's annotations. Without a limit there is
 * none in KServe, where a cluster can grow; here it is one replica, or `minReplicas`: a machine has what it has.
 */
export function scalingOf(predictor: JsonObject | undefined, annotations: Annotations): ScalingSpec {
  const annotated = annotatedScaling(annotations);
  const least = Math.min(leastReplicas(predictor, annotations) ?? 1, MOST_REPLICAS);
  const limit = positive(numberIn(predictor, "maxReplicas")) ?? positive(annotated.most);
  const asked = metricOf(predictor, annotations);
  const metric = asked === "rps" ? "rps" : "concurrency";
  const hardLimit = positive(numberIn(predictor, "containerConcurrency")) ?? Number.POSITIVE_INFINITY;
  const wanted = isResource(asked) ? undefined : (positive(numberIn(predictor, "scaleTarget")) ?? annotated.target);
  const usual = Number.isFinite(hardLimit) ? hardLimit : CONCURRENCY_TARGET;
  const windowMs = annotated.windowMs ?? WINDOW_MS;
  return {
    least,
    most: Math.min(Math.max(isFixed(annotations) ? 1 : (limit ?? 1), least, 1), MOST_REPLICAS),
    metric,
    target: metric === "rps" ? (wanted ?? RPS_TARGET) : Math.min(wanted ?? usual, hardLimit),
    utilization: annotated.utilization ?? UTILIZATION,
    windowMs,
    panicWindowMs: windowMs * (annotated.panicWindow ?? PANIC_WINDOW),
    panicThreshold: annotated.panicThreshold ?? PANIC_THRESHOLD,
    scaleDownDelayMs: annotated.scaleDownDelayMs ?? 0,
    notes: notesOf(predictor, annotations, limit),
  };
}

/** Fields whose meaning needs a metric that is not measured here. */
export function scalingNotInEffect(predictor: JsonObject, path: FieldPath): FieldPath[] {
  return isResource(textIn(predictor, "scaleMetric"))
    ? ["scaleMetric", "scaleTarget"].filter((key) => isGiven(predictor, key)).map((key) => [...path, key])
    : [];
}

/** Bounds of which one is a field and the other an annotation. */
export function boundFindings(predictor: JsonObject | undefined, annotations: Annotations): Finding[] {
  const least = leastReplicas(predictor, annotations) ?? 0;
  const limit = positive(numberIn(predictor, "maxReplicas"));
  const most = limit ?? positive(annotatedScaling(annotations).most);
  if (most === undefined || least <= most || (limit !== undefined && isGiven(predictor, "minReplicas"))) return [];
  const name = `autoscaling.knative.dev/${isGiven(predictor, "minReplicas") ? "max-scale" : "min-scale"}`;
  return [{ path: ["metadata", "annotations", name], message: `has at least ${least} replicas and at most ${most}` }];
}

function metricOf(predictor: JsonObject | undefined, annotations: Annotations): string | undefined {
  return textIn(predictor, "scaleMetric") ?? annotatedScaling(annotations).metric;
}

/** KServe's word for services whose replicas nobody changes, or somebody else does. */
function isFixed(annotations: Annotations): boolean {
  return annotations[AUTOSCALER] === "none" || annotations[AUTOSCALER] === "external";
}

function isResource(metric: string | undefined): boolean {
  return metric === "cpu" || metric === "memory";
}

/** What differs from what somebody may expect. */
function notesOf(predictor: JsonObject | undefined, annotations: Annotations, limit: number | undefined): string[] {
  const metric = metricOf(predictor, annotations);
  const hasTarget = isGiven(predictor, "scaleTarget") || annotatedScaling(annotations).target !== undefined;
  const autoscaler = [annotations["autoscaling.knative.dev/class"], annotations[AUTOSCALER]].find((name) => /^(hpa|keda)/.test(name ?? ""));
  const tooMany = Math.max(leastReplicas(predictor, annotations) ?? 0, limit ?? 0) > MOST_REPLICAS;
  return [
    ...(tooMany ? [`a model has ${MOST_REPLICAS} replicas here at most, each of which is a process`] : []),
    ...(isResource(metric) ? [`replicas do not follow ${metric}, which is not measured here; they follow concurrency instead`] : []),
    ...(autoscaler === undefined ? [] : [`there is no autoscaler ${autoscaler} here; replicas follow concurrency or rps as in Knative`]),
    ...(isFixed(annotations) && limit !== undefined
      ? [`${AUTOSCALER} is ${annotations[AUTOSCALER]}: the number of replicas changes with nitrous scale only`]
      : []),
    ...(hasTarget && limit === undefined ? ["without maxReplicas the number of replicas does not grow with the load"] : []),
  ];
}

function positive(value: number | undefined): number | undefined {
  return value !== undefined && value > 0 ? value : undefined;
}
