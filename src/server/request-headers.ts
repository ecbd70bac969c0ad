import type { RequestContext } from "../core/context.ts";
import { ServeError } from "../core/errors.ts";
import type { HttpHead } from "../core/http.ts";
import { priorityOf } from "../core/scheduling.ts";

const TIMEOUT = "nitrous-timeout";
const GRPC_TIMEOUT = "grpc-timeout";
const PRIORITY = "nitrous-priority";

/** Milliseconds of the units in gRPC over HTTP/2, PROTOCOL-HTTP2.md. */
const GRPC_UNITS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 0.001, n: 0.000001 };

/**
 * What a request asks for before its body: `nitrous-timeout` in milliseconds or gRPC's `grpc-timeout`, both from the request's beginning
 * on, and `nitrous-priority`.
 * @throws ServeError INVALID_ARGUMENT naming the header, what was expected and what came
 */
export function applyHeaders(headers: HttpHead["headers"], context: RequestContext): void {
  const timeout = headers[TIMEOUT];
  if (timeout !== undefined) context.dueBy(context.record.startedAt + millisecondsOf(timeout));
  const grpcTimeout = headers[GRPC_TIMEOUT];
  if (grpcTimeout !== undefined) context.dueBy(context.record.startedAt + grpcMillisecondsOf(grpcTimeout));
  const priority = headers[PRIORITY];
  if (priority === undefined) return;
  context.priority = priorityOf(priority);
  if (context.priority === undefined) throw unexpected(PRIORITY, "a whole number from 1 (first) to 5", priority);
}

function millisecondsOf(value: string | string[]): number {
  if (typeof value === "string" && /^\d{1,9}$/.test(value)) return Number(value);
  throw unexpected(TIMEOUT, "a whole number of milliseconds, such as 500", value);
}

/** Milliseconds that a call has as a whole. @throws ServeError INVALID_ARGUMENT */
export function grpcMillisecondsOf(value: string | string[]): number {
  const [, count, unit = ""] = (typeof value === "string" && /^(\d{1,8})([HMSmun])$/.exec(value)) || [];
  if (count === undefined) throw unexpected(GRPC_TIMEOUT, "at most 8 digits and a unit of H, M, S, m, u or n, such as 500m", value);
  return Number(count) * (GRPC_UNITS[unit] as number);
}

const MOST_SHOWN = 20;

function unexpected(name: string, expected: string, value: string | string[]): ServeError {
  const text = String(value);
  const found = text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
  return new ServeError("INVALID_ARGUMENT", `header ${name}: expected ${expected}, found ${JSON.stringify(found)}`);
}
