import { ServeError } from "../../core/errors.ts";
import type { HttpRequest } from "../../core/http.ts";
import { describe, isObject, parseJson } from "../shared/index.ts";

/** @throws ServeError INVALID_ARGUMENT for what is no whole number, or less than the least */
export function integerIn(query: URLSearchParams, name: string, absent: number, least: number): number {
  const text = query.get(name);
  if (text === null || text === "") return absent;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new ServeError("INVALID_ARGUMENT", `${name} is ${describe(text)}; expected a whole number of at least ${least}`);
}

export function flagIn(query: URLSearchParams, name: string): boolean {
  return query.get(name)?.toLowerCase() === "true";
}

/** The parameters of a request that may have them in its query or as a JSON object in its body. @throws ServeError INVALID_ARGUMENT */
export function parametersIn({ query, headers, body }: HttpRequest): URLSearchParams {
  if (!String(headers["content-type"] ?? "").startsWith("application/json") || body.byteLength === 0) return query;
  const document = parseJson(body);
  if (!isObject(document)) throw new ServeError("INVALID_ARGUMENT", "the body must be a JSON object of parameters, such as url");
  const parameters = new URLSearchParams(query);
  for (const [name, value] of Object.entries(document)) {
    if (typeof value === "object") throw new ServeError("INVALID_ARGUMENT", `${name} must be a text, number or boolean`);
    parameters.set(name, String(value));
  }
  return parameters;
}
