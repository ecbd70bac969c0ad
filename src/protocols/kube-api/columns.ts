import type { JsonValue } from "../../core/inference.ts";
import type { ResourceView } from "../../core/planes.ts";
import type { ResourceKind } from "../../core/resource.ts";
import { isObject } from "../shared/index.ts";
import { humanDuration } from "./human-duration.ts";
import type { Cell, Column, KubeObject } from "./table.ts";

export function nameColumn<Item extends KubeObject>(): Column<Item> {
  const description = "Name, unique within a namespace";
  return { name: "Name", type: "string", format: "name", description, cell: ({ metadata }) => metadata.name };
}

function ageColumn<Item extends KubeObject>(): Column<Item> {
  return {
    name: "Age",
    type: "date",
    description: "Time since it was created",
    cell: ({ metadata }, now) => ageOf(metadata.creationTimestamp, now),
  };
}

/** Time since an RFC 3339 timestamp, for people; `now` in milliseconds since 1970. What comes with the server has no age: its time is 0. */
export function ageOf(timestamp: string | undefined, now: number): Cell {
  const created = Date.parse(timestamp ?? "");
  return Number.isNaN(created) || created === 0 ? null : humanDuration(now - created);
}

const RUNTIME_COLUMNS: readonly Column<ResourceView>[] = [
  nameColumn(),
  {
    name: "Disabled",
    type: "boolean",
    description: "Whether it is out of use",
    cell: ({ spec }) => (typeof spec.disabled === "boolean" ? spec.disabled : null),
  },
  {
    name: "ModelType",
    type: "string",
    description: "Model formats that it serves",
    cell: ({ spec }) => namesIn(spec.supportedModelFormats),
  },
  { name: "Containers", type: "string", description: "Names of its containers", cell: ({ spec }) => namesIn(spec.containers) },
  ageColumn(),
];

const MODEL_COLUMNS: readonly Column<ResourceView>[] = [
  nameColumn(),
  { name: "URL", type: "string", description: "Where it answers", cell: ({ status }) => textOf(status?.url) },
  { name: "Ready", type: "string", description: "Whether it answers", cell: ({ status }) => readiness(status?.conditions) },
  ageColumn(),
];

/** What kubectl prints, as the printer columns of KServe's CustomResourceDefinitions. */
export const COLUMNS: Readonly<Record<ResourceKind, readonly Column<ResourceView>[]>> = {
  InferenceService: MODEL_COLUMNS,
  ServingRuntime: RUNTIME_COLUMNS,
  ClusterServingRuntime: RUNTIME_COLUMNS,
  TrainedModel: MODEL_COLUMNS,
};

function readiness(conditions: JsonValue | undefined): Cell {
  if (!Array.isArray(conditions)) return null;
  const ready = conditions.find((condition) => isObject(condition) && condition.type === "Ready");
  return isObject(ready) ? textOf(ready.status) : null;
}

function namesIn(list: JsonValue | undefined): Cell {
  if (!Array.isArray(list)) return null;
  return list
    .map((item) => (isObject(item) ? textOf(item.name) : null))
    .filter((name) => name !== null)
    .join(" ");
}

function textOf(value: JsonValue | undefined): string | null {
  return typeof value === "string" ? value : null;
}
