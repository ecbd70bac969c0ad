import { closestNames } from "../core/closest.ts";
import type { FailureReason, ServingRuntime } from "../core/resource.ts";
import type { Obstacle } from "./runtime-obstacles.ts";
import { DEFAULT_PROTOCOL, formatInWords, type RuntimeQuestion } from "./runtime-question.ts";

/** Why no runtime serves a model. */
export interface RuntimeFailure {
  readonly reason: FailureReason;
  /** Begins with KServe's own text and goes on with what the user can do; the first line stands alone. */
  readonly message: string;
}

/** Nothing that could be selected fits: one line for each candidate says why. */
export function noRuntime(
  { model }: RuntimeQuestion,
  candidates: readonly { readonly name: string; readonly reason: string }[],
  usable: readonly ServingRuntime[],
): RuntimeFailure {
  const protocol = model.protocolVersion ?? `${DEFAULT_PROTOCOL} (the default)`;
  const formats = [...new Set(usable.flatMap((runtime) => runtime.formats.map(({ name }) => name)))].sort();
  const unknown = formats.includes(model.format.name)
    ? ""
    : ` ${didYouMean(model.format.name, formats)}${whatExists(formats, candidates.length)}`;
  const lines = candidates.map(({ name, reason }) => `\n- ${name}: ${reason}`);
  return {
    reason: "NoSupportingRuntime",
    message: `No runtime found to support specified framework/version: ${formatInWords(model.format)} over ${protocol}.${unknown}${lines.join("")}`,
  };
}

function whatExists(formats: readonly string[], count: number): string {
  if (formats.length > 0) return `The runtimes here support ${formats.join(", ")}.`;
  return count === 0 ? "There are no runtimes." : "None of the runtimes here can be selected.";
}

/** The model names a runtime that is nowhere. `names` are those that exist, `fitting` those that could serve the model. */
export function notRecognized(
  { namespace }: RuntimeQuestion,
  name: string,
  names: readonly string[],
  fitting: readonly string[],
): RuntimeFailure {
  const text = `Waiting for runtime to become available: there is no ServingRuntime '${name}' in namespace '${namespace}' and no ClusterServingRuntime of that name.`;
  return { reason: "RuntimeNotRecognized", message: `${text} ${didYouMean(name, names)}${whatFits(fitting)}` };
}

/**
 * What keeps a runtime from serving a model that names it, in the order in which KServe's controller looks (reconcileModel). As
 * there, multiModel and workerSpec play no part in it.
 */
export function obstaclesToName(obstacles: readonly Obstacle[]): Obstacle[] {
  const order: readonly Obstacle["kind"][] = ["disabled", "protocol", "format", "version"];
  return order.flatMap((wanted) => obstacles.filter(({ kind }) => kind === wanted));
}

/** The runtime that the model names cannot serve it; `obstacles` as `obstaclesToName` gives them, at least one. */
export function cannotServe(name: string, [first]: readonly Obstacle[], fitting: readonly string[]): RuntimeFailure {
  if (first?.kind === "disabled") {
    const hint = `remove disabled: true from '${name}', or name another runtime. ${whatFits(fitting)}`;
    return { reason: "RuntimeDisabled", message: `Specified runtime is disabled: ${hint}` };
  }
  const what = first?.kind === "protocol" ? "protocol version" : "framework/version";
  const message = `Specified runtime does not support specified ${what}: '${name}' ${first?.text}. ${whatFits(fitting)}`;
  return { reason: "NoSupportingRuntime", message };
}

function didYouMean(name: string, names: readonly string[]): string {
  const closest = [...new Set(closestNames(name, names))];
  return closest.length === 0 ? "" : `Did you mean ${closest.join(" or ")}? `;
}

function whatFits(fitting: readonly string[]): string {
  const names = [...new Set(fitting)];
  return names.length === 0 ? "No other runtime fits this model." : `Runtimes that fit this model: ${names.join(", ")}.`;
}
