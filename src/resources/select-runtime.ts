import type { ProtocolVersion, ServingRuntime } from "../core/resource.ts";
import { cannotServe, noRuntime, notRecognized, obstaclesToName, type RuntimeFailure } from "./runtime-failures.ts";
import { inWords, type Obstacle, obstaclesOf } from "./runtime-obstacles.ts";
import { comparePreference, whyPreferred } from "./runtime-order.ts";
import { lowestProtocol, type RuntimeQuestion } from "./runtime-question.ts";

export type { RuntimeFailure } from "./runtime-failures.ts";
export type { RuntimeQuestion } from "./runtime-question.ts";

/** One runtime that could have been chosen, in a form for statuses and tables. */
export interface Candidate {
  readonly name: string;
  readonly scope: "namespace" | "cluster";
  readonly chosen: boolean;
  /** Why it was or was not chosen: a clause about the runtime, for a stranger. */
  readonly reason: string;
}

/** Either `runtime` or `failure` is there. */
export interface RuntimeChoice {
  readonly runtime?: ServingRuntime;
  /** What the model speaks; undefined when neither the model nor the runtime names a protocol. */
  readonly protocolVersion?: ProtocolVersion;
  /** Every runtime of the namespace and of the cluster: those that fit by preference, then those that nearly do. */
  readonly candidates: readonly Candidate[];
  readonly failure?: RuntimeFailure;
}

interface Judged {
  readonly runtime: ServingRuntime;
  readonly obstacles: readonly Obstacle[];
}

/**
 * The runtime that serves a model, by KServe's rules (predictor_model.go and the controller's reconcileModel): the one that the
 * model names, else the first that fits. Runtimes of other namespaces are never looked at. Never throws.
 */
export function selectRuntime(question: RuntimeQuestion, runtimes: readonly ServingRuntime[]): RuntimeChoice {
  const { namespace, model } = question;
  const judged = runtimes
    .filter((runtime) => runtime.namespace === undefined || runtime.namespace === namespace)
    .map((runtime) => ({ runtime, obstacles: obstaclesOf(runtime, question) }))
    .sort((left, right) => distance(left) - distance(right) || comparePreference(left.runtime, right.runtime, model.format.name));
  return model.runtime === undefined ? choose(question, judged) : chooseByName(question, model.runtime, judged);
}

/** 0 for what fits; a runtime without the format is further away than any other. */
function distance({ obstacles }: Judged): number {
  return obstacles.some(({ kind }) => kind === "format") ? Number.MAX_SAFE_INTEGER : obstacles.length;
}

function choose(question: RuntimeQuestion, judged: readonly Judged[]): RuntimeChoice {
  const format = question.model.format.name;
  const [first, second] = judged.filter(({ obstacles }) => obstacles.length === 0);
  const candidates = judged.map((each): Candidate => {
    const { runtime, obstacles } = each;
    if (first === undefined || obstacles.length > 0) return toCandidate(runtime, inWords(obstacles));
    if (each === first) return toCandidate(runtime, whyFirst(runtime, second?.runtime, format), true);
    const why = whyPreferred(first.runtime, runtime, format, "this one");
    return toCandidate(runtime, `fits too, and ${first.runtime.name} is preferred: ${why}`);
  });
  if (first !== undefined) return chosen(question, first.runtime, candidates);
  const usable = judged.map(({ runtime }) => runtime).filter(({ disabled, multiModel }) => !disabled && !multiModel);
  return { candidates, failure: noRuntime(question, candidates, usable) };
}

function whyFirst(runtime: ServingRuntime, second: ServingRuntime | undefined, format: string): string {
  if (second === undefined) return "is the only one that fits";
  return `is preferred to ${second.name}: ${whyPreferred(runtime, second, format, "that one")}`;
}

function chooseByName(question: RuntimeQuestion, name: string, judged: readonly Judged[]): RuntimeChoice {
  const called = judged.filter(({ runtime }) => runtime.name === name);
  const named = called.find(({ runtime }) => runtime.namespace !== undefined) ?? called[0];
  const others = judged.filter((each) => each !== named);
  const fitting = others.filter((each) => each.obstacles.length === 0 && each.runtime.name !== name).map(({ runtime }) => runtime.name);
  const unasked = others.map(({ runtime, obstacles }) => toCandidate(runtime, whyUnasked(runtime.name, name, obstacles)));
  if (named === undefined) {
    const names = judged.map(({ runtime }) => runtime.name);
    return { candidates: unasked, failure: notRecognized(question, name, names, fitting) };
  }
  const blocking = obstaclesToName(named.obstacles);
  if (blocking.length > 0) {
    const reason = blocking.map(({ text }) => text).join("; ");
    return { candidates: [toCandidate(named.runtime, reason), ...unasked], failure: cannotServe(name, blocking, fitting) };
  }
  return chosen(question, named.runtime, [toCandidate(named.runtime, "is the one that the model names", true), ...unasked]);
}

function whyUnasked(own: string, asked: string, obstacles: readonly Obstacle[]): string {
  if (own === asked) return "is hidden by the runtime of the same name in the namespace";
  return obstacles.length > 0 ? inWords(obstacles) : `fits too, and the model names ${asked}`;
}

function chosen(question: RuntimeQuestion, runtime: ServingRuntime, candidates: readonly Candidate[]): RuntimeChoice {
  const protocolVersion = question.model.protocolVersion ?? lowestProtocol(runtime);
  return { runtime, ...(protocolVersion === undefined ? {} : { protocolVersion }), candidates };
}

function toCandidate({ name, namespace }: ServingRuntime, reason: string, isChosen = false): Candidate {
  return { name, scope: namespace === undefined ? "cluster" : "namespace", chosen: isChosen, reason };
}
