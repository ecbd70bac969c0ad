import type { JsonObject } from "../core/inference.ts";
import type { FieldPath } from "./field-path.ts";
import { isGiven, isMap, listIn, mapIn, textIn } from "./json-fields.ts";

/** Fields of the pod that have an effect on a server of a model's own. */
export const POD_FIELDS = ["volumes", "terminationGracePeriodSeconds", "hostNetwork", "annotations"];
/** The same of its container, besides `securityContext`, of which some have. */
export const CONTAINER_FIELDS = [
  "name",
  "image",
  "imagePullPolicy",
  "command",
  "args",
  "workingDir",
  "env",
  "envFrom",
  "ports",
  "resources",
  "startupProbe",
  "readinessProbe",
  "livenessProbe",
  "volumeMounts",
  "securityContext",
];
/** Programs have no more rights than this server, whether they are told so or not. */
const WITHOUT_RIGHTS = ["runAsUser", "runAsGroup", "runAsNonRoot", "seccompProfile", "capabilities"];

/** What a `securityContext` wants that it does not get; `path` is its own. */
export function rightsNotInEffect(context: JsonObject | undefined, path: FieldPath): FieldPath[] {
  const wants = Object.entries(context ?? {}).filter(([key, value]) => !WITHOUT_RIGHTS.includes(key) && value !== false && value !== null);
  const added = listIn(mapIn(context, "capabilities"), "add").length > 0;
  return [...wants.map(([key]) => [...path, key]), ...(added ? [[...path, "capabilities", "add"]] : [])];
}

/** What `resources` say that a server does not get; `path` is its own. */
export function amountsNotInEffect(resources: JsonObject | undefined, path: FieldPath): FieldPath[] {
  return [
    // Processors are shared by those that ask for them.
    ...(isGiven(mapIn(resources, "requests"), "cpu") && !isGiven(mapIn(resources, "limits"), "cpu") ? [[...path, "requests", "cpu"]] : []),
    ...(listIn(resources, "claims").length > 0 ? [[...path, "claims"]] : []),
  ];
}

/** The container of a pod that is its server. */
export function serverContainerIndex(pod: JsonObject): number {
  const containers = listIn(pod, "containers");
  const named = containers.findIndex((container) => textIn(container, "name") === "kserve-container");
  return named >= 0 ? named : isMap(containers[0]) ? 0 : -1;
}
