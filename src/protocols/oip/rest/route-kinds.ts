import type { Access } from "../../../core/access.ts";
import { ServeError } from "../../../core/errors.ts";
import type { HttpHead, HttpRequest, Route } from "../../../core/http.ts";
import type { ApiCategory } from "../../../core/restricted-apis.ts";
import { failJson, isObject, type JsonObject, parseJson, targetOf, unexpected } from "../../shared/index.ts";
import type { Extensions } from "../extensions/extensions.ts";
import { assertAllowed } from "../extensions/restricted.ts";

/** A route without what all of the protocol's have in common. */
export type RoutePart = Omit<Route, "fail">;

/** Makes routes of one category: those that the operator has restricted need their header. */
export function inCategory(
  { restrictions, profile }: Pick<Extensions, "restrictions" | "profile">,
  category: ApiCategory,
): (route: RoutePart) => Route {
  const fail = profile.unavailableIsUnknown ? (error: ServeError) => failJson(tritonFirst(error)) : failJson;
  return (route) => {
    if (!restrictions.has(category)) return { ...route, fail };
    const gate = (head: HttpHead): void => {
      assertAllowed(restrictions, category, (name) => head.headers[name]);
      route.gate?.(head);
    };
    return { ...route, gate, fail };
  };
}

/** Messages for both kinds of clients have KServe's words first, and some of Triton's clients look at how a message begins. */
function tritonFirst(error: ServeError): ServeError {
  const start = error.message.indexOf("Request for unknown model");
  if (start <= 0 || error.code !== "NOT_FOUND" || error.message.startsWith("failed to")) return error;
  const { cause, refusal, retryAfter, message } = error;
  return new ServeError(error.code, `${message.slice(start)} ${message.slice(0, start).trimEnd()}`, {
    cause,
    ...(refusal === undefined ? {} : { refusal }),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  });
}

export function question(path: string, access: Access, handle: Route["handle"]): RoutePart {
  return { method: "GET", path, access, handle };
}

export function aboutModel(path: string, handle: Route["handle"]): RoutePart {
  return { ...question(path, "read", handle), target: targetOf };
}

/** Of a model, and of one version of it. */
export function both(path: string): readonly [string, string] {
  return [`/v2/models/{model}${path}`, `/v2/models/{model}/versions/{version}${path}`];
}

/** The JSON object in a body that may be empty. @throws ServeError INVALID_ARGUMENT */
export function optionalObject({ body }: Pick<HttpRequest, "body">): JsonObject {
  if (body.byteLength === 0) return {};
  const value = parseJson(body);
  if (isObject(value)) return value;
  throw unexpected("body", "an object", value);
}

/** What requests for a model that does not answer hear under Triton's profile. */
export async function asTriton<Result>(model: string, isWanted: boolean, work: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (thrown) {
    throw isWanted ? unavailableAsUnknown(model, thrown) : thrown;
  }
}

export function unavailableAsUnknown(model: string, thrown: unknown): unknown {
  if (!(thrown instanceof ServeError) || thrown.refusal !== "not_ready") return thrown;
  const { retryAfter, refusal, cause, message } = thrown;
  return new ServeError("NOT_FOUND", `Request for unknown model: '${model}' has no available versions. ${message}`, {
    cause,
    refusal,
    ...(retryAfter === undefined ? {} : { retryAfter }),
  });
}
