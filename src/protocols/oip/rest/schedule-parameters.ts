import type { RequestContext } from "../../../core/context.ts";
import { ServeError } from "../../../core/errors.ts";
import type { Parameters, ParameterValue } from "../../../core/inference.ts";
import { priorityOf } from "../../../core/scheduling.ts";
import { unexpected } from "../../shared/index.ts";

/** Levels in Triton are as many as a model says; here there are five. */
const LAST_PRIORITY = 5;

/**
 * Triton's schedule policy extension: `timeout` in microseconds, which the model's owner says how to understand, and `priority`, where 1 is served
 * first; 0 says nothing in both. A priority that the request's headers name holds: whoever stands in front of the server can set them.
 * @throws ServeError INVALID_ARGUMENT
 */
export function applySchedule({ timeout, priority }: Parameters, context: RequestContext): void {
  if (timeout !== undefined) {
    const microseconds = countOf(timeout, "parameters.timeout", "a whole number of microseconds");
    if (microseconds > 0) context.timeoutMs = microseconds / 1000;
  }
  if (priority === undefined) return;
  const level = countOf(priority, "parameters.priority", "a whole number, where 1 is served first");
  context.priority ??= priorityOf(Math.min(level, LAST_PRIORITY));
}

/**
 * Parameters of the protocol are used up on the way; the rest are the model's. None is left undefined, so that such requests can batch.
 * @throws ServeError INVALID_ARGUMENT for names that are Triton's own
 */
export function modelParameters(parameters: Parameters): Parameters | undefined {
  const reserved = Object.keys(parameters).find((name) => name.startsWith("triton_"));
  if (reserved !== undefined) {
    throw new ServeError(
      "INVALID_ARGUMENT",
      `parameter keys starting with 'triton_' are reserved for Triton usage and should not be specified: ${reserved.slice(0, 100)}`,
    );
  }
  const { binary_data_output: _binary, timeout: _timeout, priority: _priority, method: _method, ...rest } = parameters;
  return Object.keys(rest).length === 0 ? undefined : rest;
}

function countOf(value: ParameterValue, path: string, expected: string): number {
  const isCount = typeof value === "bigint" || (typeof value === "number" && Number.isInteger(value));
  if (!isCount || value < 0) throw unexpected(path, expected, value);
  return Number(value);
}
