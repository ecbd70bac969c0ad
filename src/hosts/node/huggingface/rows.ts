import { ServeError } from "../../../core/errors.ts";
import type { JsonValue, Payload } from "../../../core/inference.ts";
import type { Tensor } from "../../../core/tensor.ts";

/** The values of one row by input name: JSON, or the bytes of what was sent as `{"b64": ...}` or is no text. */
export type Row = Readonly<Record<string, JsonValue | Uint8Array>>;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * A payload as rows. The first name takes what comes without one: a tensor of any name, and V1 instances that are no objects.
 * @throws ServeError INVALID_ARGUMENT for no rows, unknown names and missing ones
 */
export function rowsOf(payload: Payload, names: readonly string[], optional: readonly string[] = []): readonly Row[] {
  const rows = unchecked(payload, names);
  if (rows.length === 0) throw new ServeError("INVALID_ARGUMENT", "the request has no rows: give at least one instance");
  const required = names.filter((name) => !optional.includes(name));
  rows.forEach((row, index) => {
    for (const name of Object.keys(row)) {
      if (!names.includes(name))
        throw new ServeError("INVALID_ARGUMENT", `instance ${index} has '${name}', which is unknown; expected ${listed(names)}`);
    }
    for (const name of required) {
      if (Object.hasOwn(row, name)) continue;
      const has = listed(Object.keys(row));
      throw new ServeError("INVALID_ARGUMENT", `instance ${index} lacks '${name}'; it has ${has}, expected ${listed(names)}`);
    }
  });
  return rows;
}

/** @throws ServeError INVALID_ARGUMENT when the row's value is no text */
export function textOf(row: Row, name: string, index: number): string {
  const value = row[name];
  if (typeof value === "string") return value;
  const what = value instanceof Uint8Array ? "bytes that are not UTF-8 text" : shown(value);
  throw new ServeError("INVALID_ARGUMENT", `instance ${index}: '${name}' is ${what}; expected text`);
}

function unchecked(payload: Payload, names: readonly string[]): Row[] {
  switch (payload.kind) {
    case "rows":
      return payload.rows.map((row) => (isObject(row) && !isBase64(row) ? mapped(row) : { [first(names)]: readValue(row) }));
    case "columns":
      return transposed(
        Object.entries(payload.columns).map(([name, values]) => [name, listOf(name, values).map(readValue)]),
        names,
      );
    case "tensors":
      return transposed(
        payload.tensors.map((tensor) => [tensor.name, elementsOf(tensor)]),
        names,
      );
    case "json":
    case "raw":
      throw new ServeError("INVALID_ARGUMENT", `expected instances, or tensors named ${listed(names)}`);
  }
}

function transposed(columns: ReadonlyArray<readonly [name: string, values: Row[string][]]>, names: readonly string[]): Row[] {
  const [only] = columns;
  const named = columns.length === 1 && only !== undefined && !names.includes(only[0]) ? [[first(names), only[1]] as const] : columns;
  const lengths = new Set(named.map(([, values]) => values.length));
  if (lengths.size > 1) {
    const each = named.map(([name, values]) => `${name} has ${values.length}`).join(", ");
    throw new ServeError("INVALID_ARGUMENT", `inputs differ in their rows: ${each}`);
  }
  const [count = 0] = lengths;
  return Array.from({ length: count }, (_, row) => Object.fromEntries(named.map(([name, values]) => [name, values[row] as Row[string]])));
}

/** One value for each row: [rows], or [rows, 1] as some clients send it. */
function elementsOf(tensor: Tensor): Row[string][] {
  const [rows, ...rest] = tensor.shape;
  if (tensor.datatype !== "BYTES" || rows === undefined || rest.some((size) => size !== 1)) {
    const has = `${tensor.datatype} of shape [${tensor.shape}]`;
    throw new ServeError("INVALID_ARGUMENT", `input '${tensor.name}' is ${has}; expected BYTES [rows], one text for each row`);
  }
  return tensor.data.map((bytes) => {
    try {
      return decoder.decode(bytes);
    } catch {
      return bytes;
    }
  });
}

function mapped(row: Readonly<Record<string, JsonValue>>): Row {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, readValue(value)]));
}

function readValue(value: JsonValue): Row[string] {
  if (!isObject(value) || !isBase64(value)) return value;
  const text = value.b64;
  if (typeof text !== "string" || !/^[A-Za-z0-9+/]*={0,2}$/.test(text))
    throw new ServeError("INVALID_ARGUMENT", "b64 is not text in base64");
  return Buffer.from(text, "base64");
}

function isBase64(value: Readonly<Record<string, JsonValue>>): boolean {
  return Object.keys(value).length === 1 && Object.hasOwn(value, "b64");
}

function isObject(value: JsonValue): value is { [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function listOf(name: string, values: JsonValue): JsonValue[] {
  if (Array.isArray(values)) return values;
  throw new ServeError("INVALID_ARGUMENT", `input '${name}' must have a first dimension of rows`);
}

function first(names: readonly string[]): string {
  return names[0] ?? "";
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? "nothing" : names.map((name) => `'${name}'`).join(", ");
}

/** For messages, short. */
function shown(value: JsonValue | undefined): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  return String(value).slice(0, 40);
}
