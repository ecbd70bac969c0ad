import type { PredictorModel, ProtocolVersion, ServingRuntime, SupportedFormat } from "../core/resource.ts";
import { DEFAULT_PROTOCOL, formatInWords, listInWords, lowestProtocol, type RuntimeQuestion } from "./runtime-question.ts";

/** One thing that keeps a runtime from being selected. */
export interface Obstacle {
  readonly kind: "format" | "disabled" | "multiModel" | "workers" | "version" | "autoSelect" | "protocol";
  /** A clause about the runtime, with the way out where there is one: `is disabled`. */
  readonly text: string;
}

/**
 * Everything that keeps a runtime from serving a model under KServe's rules (predictor_model.go, GetSupportingRuntimes); none
 * when it fits. A model that names its runtime needs no autoSelect, and no protocol but the one that it sets itself.
 */
export function obstaclesOf(runtime: ServingRuntime, { model, multiNode }: RuntimeQuestion): Obstacle[] {
  const explicit = model.runtime !== undefined;
  const obstacles = obstaclesOfFormat(runtime, model.format, explicit);
  if (runtime.disabled) obstacles.unshift({ kind: "disabled", text: "is disabled" });
  if (runtime.multiModel) {
    const text = `is for several models at once, multiModel: true (set runtime: ${runtime.name} to use it)`;
    obstacles.push({ kind: "multiModel", text });
  }
  if (runtime.multiNode !== multiNode) {
    const text = runtime.multiNode ? "needs a predictor with a workerSpec" : "has no workerSpec, and the predictor has one";
    obstacles.push({ kind: "workers", text });
  }
  const protocol = model.protocolVersion ?? (explicit ? undefined : DEFAULT_PROTOCOL);
  if (protocol !== undefined && !speaks(runtime, protocol)) {
    obstacles.push({ kind: "protocol", text: protocolText(runtime, protocol, model.protocolVersion === undefined) });
  }
  return obstacles;
}

/** All obstacles as one clause; what else is wrong with a runtime for other formats interests nobody. */
export function inWords(obstacles: readonly Obstacle[]): string {
  const format = obstacles.find(({ kind }) => kind === "format");
  return format?.text ?? obstacles.map(({ text }) => text).join("; ");
}

function speaks({ protocolVersions }: ServingRuntime, protocol: ProtocolVersion): boolean {
  return protocolVersions.length === 0 || protocolVersions.includes(protocol);
}

function protocolText(runtime: ServingRuntime, protocol: ProtocolVersion, isDefault: boolean): string {
  const hint = `${isDefault ? "the default; " : ""}set protocolVersion: ${lowestProtocol(runtime)}`;
  return `supports only ${listInWords(runtime.protocolVersions)}, and ${protocol} was asked for (${hint})`;
}

function obstaclesOfFormat({ name, formats }: ServingRuntime, wanted: PredictorModel["format"], explicit: boolean): Obstacle[] {
  const label = labelOf(wanted);
  const automatic = formats.filter(({ autoSelect }) => autoSelect);
  if (labelsOf(explicit ? formats : automatic).has(label)) return [];
  const off = `has autoSelect off for ${formatInWords(wanted)} (set runtime: ${name} to use it)`;
  if (labelsOf(formats).has(label)) return [{ kind: "autoSelect", text: off }];
  const entries = formats.filter((format) => format.name === wanted.name);
  if (entries.length === 0) return [{ kind: "format", text: `does not support format '${wanted.name}' (${formatsInWords(formats)})` }];
  const version: Obstacle = { kind: "version", text: versionText(wanted.name, entries, wanted.version ?? "") };
  const isOff = !explicit && !entries.some(({ autoSelect }) => autoSelect);
  return isOff ? [version, { kind: "autoSelect", text: off }] : [version];
}

/** The text by which KServe matches formats; a version only ever matches as a whole. */
function labelOf({ name, version }: Pick<SupportedFormat, "name" | "version">): string {
  return version === undefined ? `mt:${name}` : `mt:${name}:${version}`;
}

function labelsOf(formats: readonly SupportedFormat[]): Set<string> {
  return new Set(formats.flatMap((format) => [labelOf({ name: format.name }), labelOf(format)]));
}

function formatsInWords(formats: readonly SupportedFormat[]): string {
  const names = [...new Set(formats.map(({ name }) => name))];
  return names.length === 0 ? "it has none" : `it has ${names.join(", ")}`;
}

function versionText(name: string, entries: readonly SupportedFormat[], wanted: string): string {
  const versions = entries.flatMap(({ version }) => (version === undefined ? [] : [version]));
  if (versions.length === 0) return `names no version of ${name}, and version ${wanted} was asked for (leave the version out)`;
  const kept = versions.find((version) => wanted.startsWith(`${version}.`));
  const exact = kept === undefined ? "" : ` (write the version as ${kept})`;
  const hint = wanted === "*" ? " (leave the version out to accept any)" : exact;
  return `supports ${name} only in version${versions.length === 1 ? "" : "s"} ${listInWords(versions)}, not ${wanted}${hint}`;
}
