import { ServeError } from "../../core/errors.ts";
import type { HttpHead, HttpRequest } from "../../core/http.ts";
import { HttpError } from "../../core/http-error.ts";
import type { JsonValue } from "../../core/inference.ts";
import { describe, isObject, type JsonObject, parseJson } from "../shared/index.ts";

/** Bytes; Kubernetes' own limit for a request. */
const MAX_BYTES = 3 * 1024 * 1024;

/** Bytes. Reading YAML takes far longer than JSON, and everything else waits meanwhile. */
const MAX_YAML_BYTES = 64 * 1024;

/** Of a path, in messages. */
const MOST_CHARACTERS = 256;

export const JSON_TYPE = "application/json";
export const YAML_TYPE = "application/yaml";

/** Also before the body is read, by what it says of its size. @throws HttpError 413 */
export function refuseLargeBody({ declaredBytes }: Pick<HttpHead, "declaredBytes">): void {
  if (declaredBytes > MAX_BYTES) {
    throw new HttpError(413, `the body has ${declaredBytes} bytes; a resource has at most ${MAX_BYTES}`);
  }
}

/**
 * The media type of the body, without parameters. What a client sends without saying what it is is JSON (the Kubernetes client for
 * Python version 37 does so), unless a browser sends it: a web page could do that without asking this server first.
 */
export function mediaType({ headers }: Pick<HttpRequest, "headers">): string {
  const isBrowser = headers.origin !== undefined || headers["sec-fetch-site"] !== undefined;
  const [type = ""] = String(headers["content-type"] ?? (isBrowser ? "" : JSON_TYPE)).split(";");
  return type.trim().toLowerCase();
}

/** The one document of a YAML text. @throws ServeError */
export type ReadYaml = (text: string) => unknown;

/**
 * The object in the body of a request, which is JSON unless it says that it is YAML.
 * @throws ServeError INVALID_ARGUMENT
 */
export function readObject(request: Pick<HttpRequest, "headers" | "body">, readYaml: ReadYaml): JsonObject {
  if (mediaType(request) !== YAML_TYPE) return assertObject(readJson(request));
  const { byteLength } = request.body;
  if (byteLength > MAX_YAML_BYTES) {
    throw new ServeError("INVALID_ARGUMENT", `YAML bodies have at most ${MAX_YAML_BYTES} bytes, and this one has ${byteLength}; send JSON`);
  }
  return assertObject(readYaml(Buffer.from(request.body).toString("utf8")) as JsonValue);
}

/** Any value in the body of a request. @throws ServeError INVALID_ARGUMENT */
export function readJson(request: Pick<HttpRequest, "body">): JsonValue {
  const value = parseJson(request.body);
  assertNumbersAreExact(value, "");
  return value;
}

function assertObject(value: JsonValue): JsonObject {
  if (!isObject(value)) throw new ServeError("INVALID_ARGUMENT", `the body is ${describe(value)}; expected an object`);
  return value;
}

/** Resources are kept as JSON with numbers of 64-bit floating point: what they cannot hold is refused, not rounded. */
function assertNumbersAreExact(value: JsonValue, path: string): void {
  if (typeof value === "bigint" || (typeof value === "number" && !Number.isFinite(value))) {
    throw new ServeError("INVALID_ARGUMENT", `${path.slice(0, MOST_CHARACTERS)}: ${value} cannot be kept exactly; write it as a string`);
  }
  if (typeof value !== "object" || value === null) return;
  for (const [name, member] of Object.entries(value)) assertNumbersAreExact(member, path === "" ? name : `${path}.${name}`);
}
