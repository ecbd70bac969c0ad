import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import { FORMATS, nameOfFormat } from "../core/formats.ts";
import { DEFAULT_NAMESPACE, type ModelSpec, type Rejection } from "../core/model.ts";
import type { ResourceKey } from "../core/resource.ts";
import type { ValidDocument } from "../resources/index.ts";
import type { Reconciler } from "./reconciler.ts";
import type { ResourceTable } from "./resource-table.ts";

const LONGEST_NAME = 63;

/**
 * Serves models that the command line names, each under an InferenceService that is shown and not stored.
 * @param specs the versions of a model one after the other
 * @param trusted names of models whose pickles may run what they name, or "all"
 * @returns models whose names are taken by applied services, and the resources of the others by their names
 */
export function adoptModels(
  table: ResourceTable,
  reconciler: Reconciler,
  specs: readonly ModelSpec[],
  trusted: readonly string[] = [],
): { readonly rejections: readonly Rejection[]; readonly adopted: ReadonlyMap<string, ResourceKey> } {
  const byName = new Map<string, ModelSpec[]>();
  for (const spec of specs) byName.set(spec.name, [...(byName.get(spec.name) ?? []), spec]);
  const rejections: Rejection[] = [];
  const adopted = new Map<string, ResourceKey>();
  for (const [name, versions] of byName) {
    const latest = versions.at(-1) as ModelSpec;
    const taken = table.find(keyOf(name));
    if (taken !== undefined) {
      const hint = `delete it with nitrous delete ${name}, or rename the folder or file`;
      rejections.push({
        path: latest.directory,
        reason: `the name '${name}' is taken by the InferenceService ${DEFAULT_NAMESPACE}/${name}; ${hint}`,
      });
      continue;
    }
    const key = table.show("command line", documentOf(freeName(table, name), latest, versions.length));
    reconciler.adopt(key, trustedAs(versions, trusted));
    adopted.set(name, key);
  }
  return { rejections, adopted };
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

function documentOf(name: string, { format, file, directory }: ModelSpec, versions: number): ValidDocument {
  const storageUri = pathToFileURL(versions > 1 ? dirname(directory) : file).href;
  return {
    apiVersion: "serving.kserve.io/v1beta1",
    kind: "InferenceService",
    metadata: { name, namespace: DEFAULT_NAMESPACE },
    spec: { predictor: { model: { modelFormat: { name: nameOfFormat(format) }, storageUri } } },
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
