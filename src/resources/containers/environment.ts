import { availableParallelism, hostname, totalmem } from "node:os";
import type { EnvironmentVariable, ObjectKey } from "../../core/container.ts";
import { expandReferences } from "../../core/container-references.ts";
import { ServeError } from "../../core/errors.ts";
import type { JsonObject, JsonValue } from "../../core/inference.ts";
import { flagIn, isMap, listIn, mapIn, textIn } from "../json-fields.ts";
import { quantityIn } from "./container-resources.ts";
import { amountOf } from "./quantity.ts";
import type { ServiceMetadata } from "./template-fields.ts";

const LOOPBACK = "127.0.0.1";
/** In every container of KServe. */
const SERVICE_NAME = "INFERENCE_SERVICE_NAME";

export interface Environment {
  readonly variables: readonly EnvironmentVariable[];
  /** References to variables whose values are known, filled in. */
  expand(text: string): string;
}

/**
 * `envFrom` and `env` of a container, with references between them filled in as Kubernetes does it: to variables that come before.
 * @throws ServeError FAILED_PRECONDITION for a source of values that there is not here
 */
export function readEnvironment(container: JsonObject, metadata: ServiceMetadata): Environment {
  const known = new Map<string, string>();
  const expand = (text: string): string => expandReferences(text, (name) => known.get(name));
  const variables: EnvironmentVariable[] = listIn(container, "envFrom").map((source) => wholeObject(source, metadata));
  for (const variable of listIn(container, "env")) {
    const name = textIn(variable, "name") ?? "";
    const from = mapIn(variable, "valueFrom");
    const key = from === undefined ? undefined : keyOf(name, from, metadata.namespace);
    if (key !== undefined) {
      known.delete(name);
      variables.push({ name, ...key });
      continue;
    }
    const value = from === undefined ? expand(textIn(variable, "value") ?? "") : podValue(name, from, container, metadata);
    known.set(name, value);
    variables.push({ name, value });
  }
  if (!variables.some((variable) => "name" in variable && variable.name === SERVICE_NAME)) {
    known.set(SERVICE_NAME, metadata.name);
    variables.push({ name: SERVICE_NAME, value: metadata.name });
  }
  return { variables, expand };
}

function wholeObject(source: JsonValue, { namespace }: ServiceMetadata): EnvironmentVariable {
  const secret = mapIn(source, "secretRef");
  const object = secret ?? mapIn(source, "configMapRef");
  const of = { kind: secret === undefined ? "configMap" : "secret", namespace, object: nameIn(object, "envFrom") } as const;
  return { prefix: textIn(source, "prefix") ?? "", allOf: of, optional: flagIn(object, "optional") };
}

function keyOf(name: string, from: JsonObject, namespace: string): { readonly from: ObjectKey; readonly optional: boolean } | undefined {
  const secret = mapIn(from, "secretKeyRef");
  const reference = secret ?? mapIn(from, "configMapKeyRef");
  if (reference === undefined) return undefined;
  const object = nameIn(reference, `the variable ${name}`);
  const kind = secret === undefined ? "configMap" : "secret";
  return { from: { kind, namespace, object, key: textIn(reference, "key") ?? "" }, optional: flagIn(reference, "optional") };
}

function nameIn(reference: JsonObject | undefined, where: string): string {
  const name = textIn(reference, "name") ?? "";
  if (name !== "") return name;
  throw wrong(`${where} names no secret and no config map; give the name of one`);
}

/** What Kubernetes knows of the pod itself, as far as it has a meaning on one machine. */
function podValue(name: string, from: JsonObject, container: JsonObject, metadata: ServiceMetadata): string {
  const field = textIn(mapIn(from, "fieldRef"), "fieldPath");
  const resource = mapIn(from, "resourceFieldRef");
  const value = field === undefined ? (resource === undefined ? undefined : resourceOf(container, resource)) : fieldOf(field, metadata);
  if (value !== undefined) return value;
  const source = field ?? textIn(resource, "resource") ?? Object.keys(from).find((key) => isMap(from[key])) ?? "nothing";
  throw wrong(
    `the variable ${name} takes its value from ${source}, which there is not here; expected secretKeyRef, configMapKeyRef, a fieldRef such as metadata.name, or a resourceFieldRef such as limits.memory`,
  );
}

function fieldOf(path: string, { name, namespace, labels, annotations }: ServiceMetadata): string | undefined {
  const [, map, key] = /^metadata\.(labels|annotations)\['([^']*)'\]$/.exec(path) ?? [];
  if (key !== undefined) return (map === "labels" ? labels : annotations)[key] ?? "";
  const fields: Readonly<Record<string, string>> = {
    "metadata.name": name,
    "metadata.namespace": namespace,
    "metadata.uid": `${namespace}.${name}`,
    "spec.nodeName": hostname(),
    "spec.serviceAccountName": "default",
    "status.hostIP": LOOPBACK,
    "status.hostIPs": LOOPBACK,
    "status.podIP": LOOPBACK,
    "status.podIPs": LOOPBACK,
  };
  return Object.hasOwn(fields, path) ? fields[path] : undefined;
}

/** Without a limit, what the machine has; in units of the divisor, rounded up. */
function resourceOf(container: JsonObject, reference: JsonObject): string | undefined {
  const field = textIn(reference, "resource") ?? "";
  const machine: Readonly<Record<string, number>> = { cpu: availableParallelism(), memory: totalmem() };
  const [, place, name = ""] = /^(limits|requests)\.(.+)$/.exec(field) ?? [];
  if (place === undefined) return undefined;
  const amount = quantityIn(container, field) ?? (place === "limits" ? machine[name] : quantityIn(container, `limits.${name}`));
  const divisor = amountOf(reference.divisor);
  return String(Math.ceil((amount ?? 0) / (divisor === undefined || divisor === 0 ? 1 : divisor)));
}

function wrong(text: string): ServeError {
  return new ServeError("FAILED_PRECONDITION", text);
}
