import { firstLine } from "../core/errors.ts";
import type { JsonObject, JsonValue } from "../core/inference.ts";
import type { FailureReason } from "../core/resource.ts";
import type { ReplicaCounts, ScalingSpec } from "../core/scaling.ts";
import { type Candidate, type RuntimeChoice, runsOwnServer } from "../resources/index.ts";
import { failureInfo, isServing, stateOf } from "./attempt-status.ts";
import { type Condition, withTransitionTimes } from "./conditions.ts";
import type { Attempt, RolloutFailure } from "./course.ts";
import { serverInWords } from "./server-words.ts";
import { mainModel } from "./service-names.ts";
import { canaryConditionOf, canaryStatuses, type TrafficSituation, trafficStatus } from "./traffic-status.ts";

/** Everything that a status is made of. */
export interface ServiceSituation extends TrafficSituation {
  readonly origin: "applied" | "command line";
  /** The model's name in requests. */
  readonly modelName: string;
  /** The generation that the server has taken note of. */
  readonly generation: number;
  /** The annotation says that nothing is to run. */
  readonly stopped: boolean;
  readonly choice: RuntimeChoice | undefined;
  /** Where requests go, without a slash at its end. */
  readonly url: string;
  /** RFC 3339. */
  readonly now: string;
}

/** Reasons that only a change of the spec or of a runtime can help against (KServe's InvalidSpec). */
const INVALID: ReadonlySet<FailureReason> = new Set([
  "InvalidPredictorSpec",
  "NoSupportingRuntime",
  "RuntimeNotRecognized",
  "RuntimeDisabled",
]);

/** Reasons that may go away with another runtime. */
const OF_RUNTIMES: ReadonlySet<FailureReason> = new Set([
  "NoSupportingRuntime",
  "RuntimeNotRecognized",
  "RuntimeDisabled",
  "RuntimeUnhealthy",
]);

/** Lines of a dead host's log; the others are in the model's own status. */
const SHOWN_LOG_LINES = 10;

/**
 * The status of an InferenceService as KServe's SDK and kubectl read it, and under `nitrous` what KServe does not say.
 * Pure: the same situation and previous status give the same status.
 */
export function serviceStatus(situation: ServiceSituation, previous: JsonObject | undefined): JsonObject {
  const { generation, url, choice, stopped, now } = situation;
  const runtime = choice?.runtime;
  return {
    observedGeneration: generation,
    conditions: withTransitionTimes(conditionsOf(situation), previous?.conditions, now),
    ...(stopped ? {} : { url, address: { url }, components: { predictor: { url, ...trafficStatus(situation) } } }),
    ...(stopped || situation.canaries.length === 0 ? {} : { canaryStatuses: canaryStatuses(situation) }),
    deploymentMode: "Standard",
    ...(runtime === undefined
      ? {}
      : { [runtime.namespace === undefined ? "clusterServingRuntimeName" : "servingRuntimeName"]: runtime.name }),
    modelStatus: modelStatusOf(situation),
    nitrous: details(situation),
  };
}

function conditionsOf({ active, target, stopped, canaries }: ServiceSituation): Condition[] {
  if (stopped) {
    const off = { status: "False", reason: "Stopped", message: "the annotation serving.kserve.io/stop is true" } as const;
    const ready = ["IngressReady", "PredictorReady", "Ready"].map((type): Condition => ({ type, ...off }));
    return [...ready, { type: "Stopped", status: "True" }];
  }
  const serves = active !== undefined && isServing(active);
  const canaryCondition = canaryConditionOf(canaries);
  const predictor = serves ? ({ status: "True" } as const) : whyNotReady(target ?? active);
  return [
    { type: "IngressReady", status: "True" },
    { type: "PredictorReady", ...predictor },
    { type: "Ready", ...predictor },
    ...canaryCondition,
    { type: "Stopped", status: "False", severity: "Info" },
  ];
}

function whyNotReady(attempt: Attempt | undefined): Omit<Condition, "type"> {
  if (attempt === undefined) return { status: "Unknown", reason: "Pending", message: "it waits for its turn" };
  const drained = attempt.models.find((model) => model.drained);
  if (drained !== undefined) return { status: "False", reason: "Drained", message: firstLine(drained.reason) };
  if (attempt.failure === undefined) return { status: "False", reason: stateOf(attempt, false), message: stepOf(attempt) };
  return { status: "False", reason: attempt.failure.reason, message: firstLine(attempt.failure.message) };
}

function modelStatusOf({ active, target, stopped }: ServiceSituation): JsonObject {
  if (stopped || target === undefined) {
    const states = { activeModelState: "", targetModelState: stopped ? "" : "Pending" };
    return { transitionStatus: stopped ? "UpToDate" : "InProgress", states, copies: { failedCopies: 0, totalCopies: 0 } };
  }
  const failing = target.failure === undefined && active !== undefined ? active : target;
  const { failure } = failing;
  const failed = target === active && !isServing(target) && failure !== undefined;
  // Of several versions the one with most: each answers for itself.
  const copies = Math.max(0, ...(active?.models ?? []).map(({ replicas }) => replicas.counts.ready));
  const missing = Math.max(
    0,
    ...(active?.models ?? []).map(({ replicas: { counts } }) => (counts.obstacle === undefined ? 0 : counts.wanted - counts.ready)),
  );
  return {
    transitionStatus: transitionOf(target, active),
    states: {
      activeModelState: active === undefined ? "" : stateOf(active, true),
      targetModelState: stateOf(target, target === active || target.admitted),
    },
    copies: { failedCopies: failed || (active === undefined && failure !== undefined) ? 1 : missing, totalCopies: copies },
    ...(failure === undefined ? {} : { lastFailureInfo: failureInfo(failure, failing) }),
  };
}

function transitionOf(target: Attempt, active: Attempt | undefined): string {
  if (target.failure !== undefined && (target !== active || !isServing(target))) {
    return INVALID.has(target.failure.reason) ? "InvalidSpec" : "BlockedByFailedLoad";
  }
  const isAsWanted = isServing(target) || target.models.some(({ drained }) => drained);
  return (target === active || target.admitted) && isAsWanted ? "UpToDate" : "InProgress";
}

function details({ service, origin, modelName, active, target, choice, stopped, generation }: ServiceSituation): JsonObject {
  const shown = stopped ? undefined : (active ?? target);
  const { failure } = stopped || target === undefined ? { failure: undefined } : target;
  const quarantined = (shown?.models ?? []).reduce((sum, model) => sum + model.quarantined, 0);
  const { scaling, upstream } = shown?.models.at(-1)?.spec ?? {};
  const warnings = [...new Set(shown?.models.flatMap(({ description }) => description?.warnings ?? []) ?? []), ...(scaling?.notes ?? [])];
  const unused = runsOwnServer(service, choice?.runtime) ? service.notInEffectOfServer : service.notInEffect;
  const mainName = mainModel(modelName, shown?.models.map(({ spec }) => spec) ?? []);
  return {
    origin,
    modelName,
    ...(mainName === undefined || mainName === modelName ? {} : { mainModel: mainName }),
    ...(active === undefined || stopped ? {} : { servingGeneration: active === target ? generation : active.revision.generation }),
    ...(target === undefined || stopped || target.failure !== undefined ? {} : { step: stepOf(target) }),
    ...(failure === undefined ? {} : whatNext(failure)),
    versions: (shown?.models ?? []).map(
      ({ spec, state, failure, inline, notInline, hostExits, lastHostExit, quarantined, replicas }): JsonObject => ({
        ...(spec.name === modelName ? {} : { model: spec.name }),
        version: spec.version,
        format: spec.format,
        state,
        replicas: replicasJson(replicas.counts),
        ...(failure === undefined ? {} : { reason: firstLine(failure.message) }),
        ...(replicas.devices.length === 0 ? {} : { devices: [...replicas.devices] }),
        ...(inline ? { inline } : {}),
        ...(notInline === undefined ? {} : { notInline }),
        ...(lastHostExit === undefined
          ? {}
          : { hostExits, lastHostExit: { ...lastHostExit, log: lastHostExit.log.slice(-SHOWN_LOG_LINES) } }),
        ...(quarantined === 0 ? {} : { quarantined }),
      }),
    ),
    ...(quarantined === 0 ? {} : { quarantined }),
    ...(scaling === undefined ? {} : { scaling: scalingInWords(scaling) }),
    ...(upstream === undefined ? {} : { server: serverInWords(upstream) }),
    ...(choice === undefined ? {} : { candidates: choice.candidates.map(candidateJson) }),
    ...(choice?.protocolVersion === undefined ? {} : { protocolVersion: choice.protocolVersion }),
    ...(unused.length === 0 ? {} : { notInEffect: [...unused] }),
    ...(warnings.length === 0 ? {} : { warnings }),
  };
}

function replicasJson({ ready, wanted, auto, obstacle }: ReplicaCounts): JsonObject {
  return { ready, wanted, auto, ...(obstacle === undefined ? {} : { obstacle }) };
}

/** For people. */
function scalingInWords({ least, most, metric, target, utilization }: ScalingSpec): string {
  if (least === most) return `${most} ${most === 1 ? "replica" : "replicas"}`;
  const only = `${most} ${most === 1 ? "replica" : "replicas"} when it is asked for`;
  if (least === 0 && most === 1) return only;
  const aimed = utilization === 1 ? "" : `, of which ${Math.round(utilization * 100)} % is aimed at`;
  return `${least} to ${most} replicas by ${metric}: ${target} for each${aimed}`;
}

function candidateJson({ name, scope, chosen, reason }: Candidate): JsonValue {
  return { name, scope, chosen, reason };
}

/** What happens next after a failure: `retry` when it is tried again by itself, else `advice`. */
function whatNext({ reason, code, attempts, retryDelay }: RolloutFailure): JsonObject {
  if (retryDelay !== undefined) return { retry: `tried again ${retryDelay / 1000} s after attempt ${attempts}` };
  if (OF_RUNTIMES.has(reason) && code !== "ABORTED") return { advice: "it is tried again when a runtime changes" };
  const tried = attempts > 1 ? `after ${attempts} attempts ` : "";
  return { advice: `${tried}it is not tried again by itself` };
}

function stepOf({ step, models, phase }: Attempt): string {
  const drained = models.find((model) => model.drained);
  if (drained !== undefined) return firstLine(drained.reason);
  const loading = models.find(({ state }) => state === "preparing" || state === "loading" || state === "registered");
  if (loading !== undefined) return firstLine(loading.reason);
  return phase === "ready" ? "serving" : step;
}
