import { messageOf, ServeError } from "../core/errors.ts";
import type { JsonObject } from "../core/inference.ts";
import type { Resource, ResourceKey } from "../core/resource.ts";
import type { ReadySpec, ResourceChange, RevisionRecord, StoredResource } from "../core/resource-store.ts";
import { digestOf } from "./digest.ts";
import { parseJson, stringifyJson } from "./json.ts";
import type { SqlValue } from "./sqlite.ts";

export const RESOURCE_COLUMNS = [
  "kind",
  "namespace",
  "name",
  "uid",
  "object",
  "object_digest",
  "ready_generation",
  "ready_spec",
  "ready_digest",
] as const;

export const REVISION_COLUMNS = ["kind", "namespace", "name", "generation", "uid", "record", "record_digest"] as const;

export type RevisionRow = Record<(typeof REVISION_COLUMNS)[number], SqlValue>;

export type ResourceRow = Record<(typeof RESOURCE_COLUMNS)[number], SqlValue>;

interface RowKey {
  readonly kind: string;
  /** Empty for cluster-scoped kinds. */
  readonly namespace: string;
  readonly name: string;
}

/** A change with its objects as JSON texts: what the worker gets. */
export type RowChange = RowKey &
  (
    | { readonly change: "put"; readonly uid: string; readonly object: string }
    | { readonly change: "delete" }
    | { readonly change: "ready"; readonly uid: string; readonly generation: number; readonly spec: string }
    | { readonly change: "revision"; readonly uid: string; readonly generation: number; readonly record: string }
  );

/**
 * A change in the form that it is stored in.
 * @throws ServeError INVALID_ARGUMENT when it is not JSON
 */
export function encodeChange(change: ResourceChange): RowChange {
  if (change.change === "put") {
    const { kind, metadata } = change.resource;
    const key = keyOf({ kind, namespace: metadata.namespace, name: metadata.name });
    return { change: "put", ...key, uid: metadata.uid, object: encode(change.resource, key) };
  }
  const key = keyOf(change.key);
  if (change.change === "delete") return { change: "delete", ...key };
  if (change.change === "revision") {
    const { uid, record } = change;
    return { change: "revision", ...key, uid, generation: record.generation, record: encode(record, key) };
  }
  const { generation, spec } = change.lastReady;
  return { change: "ready", ...key, uid: change.uid, generation, spec: encode(spec, key) };
}

/**
 * A row of the table `resources`.
 * @throws Error when it is not what was once written
 */
export function decodeRow(row: ResourceRow): StoredResource {
  const resource = decode<Resource>(row.object, row.object_digest);
  const { kind, metadata } = resource;
  const key = keyOf({ kind, namespace: metadata.namespace, name: metadata.name });
  if (key.kind !== row.kind || key.namespace !== row.namespace || key.name !== row.name || metadata.uid !== row.uid) {
    throw new Error("the key of a resource differs from the resource");
  }
  if (row.ready_spec === null && row.ready_digest === null) return { resource };
  const generation = Number(row.ready_generation);
  const lastReady: ReadySpec = { generation, spec: decode<JsonObject>(row.ready_spec, row.ready_digest, generation) };
  return { resource, lastReady };
}

/**
 * A row of the table `revisions`.
 * @throws Error when it is not what was once written
 */
export function decodeRevision(row: RevisionRow): RevisionRecord {
  const record = decode<RevisionRecord>(row.record, row.record_digest, Number(row.generation));
  if (record.generation !== row.generation) throw new Error("the key of a revision differs from the revision");
  return record;
}

function keyOf({ kind, namespace, name }: ResourceKey): RowKey {
  return { kind, namespace: namespace ?? "", name };
}

function encode(value: Resource | JsonObject | RevisionRecord, { kind, name }: RowKey): string {
  try {
    return stringifyJson(value);
  } catch (error) {
    throw new ServeError("INVALID_ARGUMENT", `${kind} ${name} cannot be stored: ${messageOf(error)}`, { cause: error });
  }
}

function decode<Value>(text: SqlValue, digest: SqlValue, generation?: number): Value {
  if (typeof text !== "string" || digestOf(text, generation) !== digest) throw new Error("the text of a resource differs from its digest");
  return parseJson(text) as Value;
}
