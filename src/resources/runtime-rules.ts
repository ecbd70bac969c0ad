import type { JsonObject } from "../core/inference.ts";
import { ANNOTATIONS } from "./annotations.ts";
import { blockedVariables, parallelVariables } from "./container-rules.ts";
import type { Finding } from "./field-path.ts";
import { flagIn, listIn, mapIn, numberIn, textIn } from "./json-fields.ts";

/** What KServe's webhook asks of one runtime by itself (servingruntime_webhook.go); a disabled one is not looked at. */
export function runtimeFindings(spec: JsonObject, annotations: Readonly<Record<string, string>>): Finding[] {
  if (flagIn(spec, "disabled")) return [];
  const containers = listIn(spec, "containers");
  return [
    ...priorityFindings(spec),
    // A server elsewhere has none here.
    ...(containers.length === 0 && Array.isArray(spec.containers) && annotations[ANNOTATIONS.url] === undefined
      ? [{ path: ["spec", "containers"], message: "expected at least one container" }]
      : []),
    ...containers.flatMap((container, index) => blockedVariables(container, ["spec", "containers", index])),
    ...workerFindings(spec),
  ];
}

/** One format has one priority, whatever the version. */
function priorityFindings(spec: JsonObject): Finding[] {
  const priorities = new Map<string, number | undefined>();
  return listIn(spec, "supportedModelFormats").flatMap((format, index) => {
    const name = textIn(format, "name");
    if (name === undefined || !flagIn(format, "autoSelect")) return [];
    const priority = numberIn(format, "priority");
    const first = priorities.get(name);
    if (!priorities.has(name)) priorities.set(name, priority);
    if (first === undefined || priority === undefined || first === priority) return [];
    const path = ["spec", "supportedModelFormats", index, "priority"];
    return [{ path, message: `expected ${first}, as for the other versions of ${name}, found ${priority}` }];
  });
}

function workerFindings(spec: JsonObject): Finding[] {
  const worker = mapIn(spec, "workerSpec");
  if (worker === undefined) return [];
  const path = ["spec", "workerSpec", "containers"];
  const containers = listIn(worker, "containers");
  const count = containers.length === 1 || !Array.isArray(worker.containers);
  const main = listIn(spec, "containers");
  return [
    ...(count ? [] : [{ path, message: `expected one container, found ${containers.length}` }]),
    ...containers.flatMap((container, index) => blockedVariables(container, [...path, index])),
    ...main.flatMap((container, index) =>
      textIn(container, "name") === "kserve-container" ? parallelVariables(container, ["spec", "containers", index]) : [],
    ),
  ];
}
