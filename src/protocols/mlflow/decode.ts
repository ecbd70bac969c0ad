import { ServeError } from "../../core/errors.ts";
import type { JsonValue, Parameters, ParameterValue, Payload } from "../../core/inference.ts";
import { isObject, type JsonObject, parseJson, unexpected, writeJson } from "../shared/index.ts";

export interface DecodedInvocation {
  readonly payload: Payload;
  readonly parameters?: Parameters;
}

const KEYS = ["dataframe_split", "dataframe_records", "instances", "inputs"] as const;

/**
 * A body for MLflow's scoring server (mlflow/pyfunc/scoring_server): exactly one of four keys with data, and perhaps `params`.
 * @throws ServeError INVALID_ARGUMENT
 */
export function decodeInvocation(bytes: Uint8Array): DecodedInvocation {
  const body = parseJson(bytes);
  const given = isObject(body) ? KEYS.filter((key) => body[key] !== undefined) : [];
  const [key] = given;
  if (!isObject(body) || key === undefined || given.length > 1) {
    throw new ServeError("INVALID_ARGUMENT", `The input must be a JSON object with exactly one of ${KEYS.join(", ")}`);
  }
  const payload = payloadOf(key, body[key] as JsonValue);
  const { params } = body;
  if (params === undefined || params === null) return { payload };
  if (!isObject(params)) throw unexpected("params", "an object", params);
  return { payload, parameters: parametersOf(params) };
}

function payloadOf(key: (typeof KEYS)[number], value: JsonValue): Payload {
  if (key === "dataframe_split") return splitRows(value);
  if (Array.isArray(value)) {
    if (key === "dataframe_records" && !value.every(isObject)) throw unexpected(key, "a list of objects", value);
    return { kind: "rows", rows: value };
  }
  if (key === "inputs" && isObject(value)) return { kind: "columns", columns: value };
  throw unexpected(key, key === "inputs" ? "a list of rows or an object of columns" : "a list", value);
}

/** pandas' orient "split": names of columns, and lists of values. */
function splitRows(value: JsonValue): Payload {
  if (!isObject(value) || !Array.isArray(value.data)) throw unexpected("dataframe_split", "an object with columns and data", value);
  const { columns, data } = value;
  if (columns === undefined || columns === null) return { kind: "rows", rows: data };
  if (!Array.isArray(columns)) throw unexpected("dataframe_split.columns", "a list", columns);
  const rows = data.map((row, index): JsonValue => {
    if (!Array.isArray(row) || row.length !== columns.length)
      throw unexpected(`dataframe_split.data[${index}]`, `a list of ${columns.length} values`, row);
    return Object.fromEntries(columns.map((name, column) => [String(name), row[column] ?? null]));
  });
  return { kind: "rows", rows };
}

/** Parameters are plain values here, so lists and objects become JSON texts, which the Python host reads. */
function parametersOf(params: JsonObject): Parameters {
  const entries = Object.entries(params).filter((entry): entry is [string, Exclude<JsonValue, null>] => entry[1] !== null);
  return Object.fromEntries(
    entries.map(([name, value]): [string, ParameterValue] => [name, typeof value === "object" ? writeJson(value) : value]),
  );
}
