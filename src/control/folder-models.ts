import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import { ServeError } from "../core/errors.ts";
import { FORMATS, nameOfFormat } from "../core/formats.ts";
import { DEFAULT_NAMESPACE, isModelName, type ModelSpec, type Rejection } from "../core/model.ts";
import type { ResourceKey } from "../core/resource.ts";
import type { ValidDocument } from "../resources/index.ts";
import type { Reconciler } from "./reconciler.ts";
import type { ResourceTable } from "./resource-table.ts";

const LONGEST_NAME = 63;

/**
 * Serves models that the command line names, each under an InferenceService that is shown and not stored.
 * @param specs the versions of a model one after the other
 * @param trusted names of models whose pickles may run what they name, or "all"
 * @returns models whose names are taken by applied services, the resources of the others by their names, and what settles when these have had
 * their first attempt
 */
export function adoptModels(
  table: ResourceTable,
  reconciler: Reconciler,
  specs: readonly ModelSpec[],
  trusted: readonly string[] = [],
): { readonly rejections: readonly Rejection[]; readonly adopted: ReadonlyMap<string, ResourceKey>; readonly tried: Promise<void> } {
  const byName = new Map<string, ModelSpec[]>();
  for (const spec of specs) byName.set(spec.name, [...(byName.get(spec.name) ?? []), spec]);
  const rejections: Rejection[] = [];
  const adopted = new Map<string, ResourceKey>();
  const attempts: Promise<void>[] = [];
  for (const [name, versions] of byName) {
    const latest = versions.at(-1) as ModelSpec;
    const whyTaken = taken(table, name);
    if (whyTaken !== undefined) {
      rejections.push({ path: latest.directory, reason: whyTaken });
      continue;
    }
    const key = table.show("command line", documentOf(freeName(table, name), latest, versions.length));
    attempts.push(reconciler.adopt(key, name, trustedAs(versions, trusted)));
    adopted.set(name, key);
  }
  return { rejections, adopted, tried: Promise.all(attempts).then(() => undefined) };
}

/**
 * Shows a model of a Triton model repository that is there and cannot be served, and says why.
 * @param folder the model's
 * @returns its resource; undefined when its name cannot be used or is taken
 */
export function adoptUnavailable(
  table: ResourceTable,
  reconciler: Reconciler,
  { name, folder, reason }: { readonly name: string; readonly folder: string; readonly reason: string },
): ResourceKey | undefined {
  if (!isModelName(name) || taken(table, name) !== undefined) return undefined;
  const key = table.show("command line", shown(freeName(table, name), "triton", folder));
  void reconciler.adopt(key, name, new ServeError("FAILED_PRECONDITION", reason));
  return key;
}

function taken(table: ResourceTable, name: string): string | undefined {
  if (table.find(keyOf(name)) === undefined) return undefined;
  const hint = `delete it with nitrous delete ${name}, or rename the folder or file`;
  return `the name '${name}' is taken by the InferenceService ${DEFAULT_NAMESPACE}/${name}; ${hint}`;
}

/** The versions of one model, with what may run of them. @param trusted as {@link adoptModels} has it */
export function trustedAs(versions: readonly ModelSpec[], trusted: readonly string[] = []): ModelSpec[] {
  const isTrusted = trusted.includes("all") || trusted.includes(versions[0]?.name ?? "");
  return versions.map((spec) => withTrust(spec, isTrusted));
}

/** Whoever names code on the command line wants it to run. */
function withTrust(spec: ModelSpec, isTrusted: boolean): ModelSpec {
  const named: ModelSpec = { ...spec, fromCommandLine: true };
  if (FORMATS[spec.format].code === "always") return { ...named, trust: "code" };
  return isTrusted ? { ...named, trust: "pickle" } : named;
}

function documentOf(name: string, { format, file, directory, folder }: ModelSpec, versions: number): ValidDocument {
  return shown(name, nameOfFormat(format), folder ?? (versions > 1 ? dirname(directory) : file));
}

function shown(name: string, format: string, path: string): ValidDocument {
  const storageUri = pathToFileURL(path).href;
  return {
    apiVersion: "serving.kserve.io/v1beta1",
    kind: "InferenceService",
    metadata: { name, namespace: DEFAULT_NAMESPACE },
    spec: { predictor: { model: { modelFormat: { name: format }, storageUri } } },
  };
}

/** A name that Kubernetes allows, like the model's and not in use. */
function freeName(table: ResourceTable, name: string): string {
  const lower = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+/, "");
  const base = lower.slice(0, LONGEST_NAME - 4).replace(/-+$/, "") || "model";
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? base : `${base}-${number}`;
    if (table.find(keyOf(candidate)) === undefined) return candidate;
  }
}

function keyOf(name: string): ResourceKey {
  return { kind: "InferenceService", namespace: DEFAULT_NAMESPACE, name };
}
