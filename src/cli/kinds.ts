import { closestNames } from "../core/closest.ts";
import type { ResourceKind } from "../core/resource.ts";
import { CliError } from "./errors.ts";

/** One kind as the control API and kubectl name it. */
export interface Kind {
  readonly kind: ResourceKind;
  readonly apiVersion: string;
  readonly singular: string;
  readonly plural: string;
  readonly short: string;
  readonly namespaced: boolean;
}

const GROUP = "serving.kserve.io";

export const SERVICES: Kind = {
  kind: "InferenceService",
  apiVersion: `${GROUP}/v1beta1`,
  singular: "inferenceservice",
  plural: "inferenceservices",
  short: "isvc",
  namespaced: true,
};
export const RUNTIMES: Kind = {
  kind: "ServingRuntime",
  apiVersion: `${GROUP}/v1alpha1`,
  singular: "servingruntime",
  plural: "servingruntimes",
  short: "sr",
  namespaced: true,
};
export const CLUSTER_RUNTIMES: Kind = {
  kind: "ClusterServingRuntime",
  apiVersion: `${GROUP}/v1alpha1`,
  singular: "clusterservingruntime",
  plural: "clusterservingruntimes",
  short: "csr",
  namespaced: false,
};
export const TRAINED_MODELS: Kind = {
  kind: "TrainedModel",
  apiVersion: `${GROUP}/v1alpha1`,
  singular: "trainedmodel",
  plural: "trainedmodels",
  short: "tm",
  namespaced: true,
};
export const KINDS: readonly Kind[] = [SERVICES, TRAINED_MODELS, RUNTIMES, CLUSTER_RUNTIMES];

const WORDS = KINDS.flatMap(({ singular, plural, short }) => [short, singular, plural]);

/** A kind, or one resource of it. */
export interface Wanted {
  readonly kind: Kind;
  readonly name?: string;
}

/**
 * What the words after `get`, `describe` and `delete` mean: a kind and names, names of InferenceServices, or KIND/NAME each; no
 * words and `all` are kinds without names.
 * @throws CliError for a kind that there is not
 */
export function parseWanted(words: readonly string[]): Wanted[] {
  const [first, ...names] = words;
  if (first === undefined) return [{ kind: SERVICES }];
  if (first === "all" && names.length === 0) return KINDS.map((kind) => ({ kind }));
  if (words.some((word) => word.includes("/"))) return words.map(parsePair);
  const kind = findKind(first);
  if (kind === undefined) return words.map((name) => ({ kind: SERVICES, name }));
  return names.length === 0 ? [{ kind }] : names.map((name) => ({ kind, name }));
}

/** Words for the same kind in any case, with or without the group that kubectl prints. */
export function findKind(word: string): Kind | undefined {
  const plain = word.toLowerCase().replace(`.${GROUP}`, "");
  return KINDS.find(({ singular, plural, short }) => plain === singular || plain === plural || plain === short);
}

/** Words for kinds that a mistyped one is near to. */
export function closestKinds(word: string): string[] {
  return closestNames(word, WORDS);
}

/** As kubectl names a resource in its output. */
export function printedName({ singular }: Kind, name: string): string {
  return `${singular}.${GROUP}/${name}`;
}

export function resourceInWords({ kind, namespaced }: Kind, namespace: string | undefined, name: string): string {
  return `${kind} '${name}'${namespaced ? ` in namespace '${namespace ?? "default"}'` : ""}`;
}

/** Path of one resource, or of all of a kind; without a namespace, of all namespaces. */
export function pathOf({ apiVersion, plural, namespaced }: Kind, namespace: string | undefined, name?: string): string {
  const place = namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  return `/apis/${apiVersion}${place}/${plural}${name === undefined ? "" : `/${encodeURIComponent(name)}`}`;
}

function parsePair(word: string): Wanted {
  const [kindWord = "", name = "", ...rest] = word.split("/");
  if (kindWord === "" || name === "" || rest.length > 0 || !word.includes("/")) {
    throw new CliError(`${word}: expected KIND/NAME, as all the others are`, 2);
  }
  const kind = findKind(kindWord);
  if (kind === undefined) throw unknownKind(kindWord);
  return { kind, name };
}

function unknownKind(word: string): CliError {
  const [closest] = closestKinds(word);
  const hint = closest === undefined ? "" : `; did you mean ${closest}?`;
  return new CliError(
    `there is no kind '${word}'${hint} (kinds: ${KINDS.map(({ short, singular }) => `${short} or ${singular}`).join(", ")})`,
    2,
  );
}
