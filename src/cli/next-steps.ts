import { ANNOTATIONS } from "../resources/index.ts";
import type { ApiObject } from "./api-objects.ts";
import { isBehind, isStopped, readiness, type ServiceStatus } from "./service-status.ts";
import { trafficSteps } from "./traffic-section.ts";

/** What somebody who meets this InferenceService for the first time can do now, the likeliest first. */
export function nextSteps(object: ApiObject, status: ServiceStatus): string[] {
  const { name, namespace = "default" } = object.metadata;
  const place = namespace === "default" ? "" : ` -n ${namespace}`;
  const { retry, modelName = name, mainModel } = status.nitrous;
  const models = status.nitrous.versions.flatMap(({ model }) => model ?? []);
  // Of several models the service's name means one only where that is told.
  const [asked = modelName] = mainModel === undefined ? models : [];
  const watching = `wait for it: nitrous get isvc ${name}${place} --watch`;
  if (isStopped(status)) return ["start it: remove the annotation serving.kserve.io/stop and apply it again"];
  if (isBehind(object, status)) return [watching];
  const failed = status.modelStatus?.lastFailureInfo;
  if (failed !== undefined && (readiness(status) !== "True" || status.modelStatus?.transitionStatus !== "UpToDate")) {
    const steps = stepsAfter(failed.reason, { name, place, again: applyAgain(object), mayHaveLogs: status.nitrous.versions.length > 0 });
    return retry === undefined ? steps : [`it is ${retry.replace(/^is /, "")}; that may be enough`, ...steps];
  }
  if (readiness(status) === "True") {
    return [`send it a request: nitrous infer ${asked}${place}`, ...trafficSteps(`${name}${place}`, status)];
  }
  if (status.conditions.some(({ type, reason }) => type === "Ready" && reason === "Drained"))
    return [`have it answer again: nitrous load ${modelName}${place}`];
  return [watching, `read what it prints: nitrous logs ${name}${place} --follow`];
}

interface Surroundings {
  readonly name: string;
  /** The flag for its namespace, unless that is the usual one. */
  readonly place: string;
  readonly again: string;
  /** What was never found has printed nothing. */
  readonly mayHaveLogs: boolean;
}

function stepsAfter(reason: string | undefined, { name, place, again, mayHaveLogs }: Surroundings): string[] {
  const logs = mayHaveLogs ? [`read what its processes printed: nitrous logs ${name}${place}`] : [];
  const runtimes = `look at the runtimes that there are: nitrous runtimes${place}`;
  switch (reason) {
    case "NoSupportingRuntime":
      return [
        `change modelFormat, its version or protocolVersion to what one of the runtimes below takes, or name one in spec.predictor.model.runtime; then ${again}`,
        "or apply a ServingRuntime that takes this format",
        runtimes,
      ];
    case "RuntimeNotRecognized":
      return [`name a runtime that exists, or leave spec.predictor.model.runtime out to have one chosen; then ${again}`, runtimes];
    case "RuntimeDisabled":
      return [`name another runtime, or remove disabled: true from this one; then ${again}`, runtimes];
    case "InvalidPredictorSpec":
      return [`correct what the message names, and ${again}`];
    case "RuntimeUnhealthy":
      // A runtime that this server cannot run never had a process.
      if (!mayHaveLogs) return [`put right what the message names, and ${again}`, runtimes];
      return [
        "the process that ran the model has ended, or was ended because it did not answer its probes; exit code 137 or SIGKILL usually means that memory ran out",
        ...logs,
        `change what made it end, and ${again}`,
      ];
    default:
      return [`put right what the message names, and ${again}`, ...logs];
  }
}

/** From the same place as before where that is known. */
function applyAgain({ metadata }: ApiObject): string {
  const from = metadata.annotations?.[ANNOTATIONS.appliedFrom];
  return `apply it again: nitrous apply -f ${from === undefined ? "FILE" : /[^\w./@:+-]/.test(from) ? `'${from.replaceAll("'", "'\\''")}'` : from}`;
}
