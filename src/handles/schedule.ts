import { ServeError } from "../core/errors.ts";
import { type Priority, priorityOf } from "../core/scheduling.ts";
import type { RunOptions } from "./model-handle.ts";

/**
 * Milliseconds that a request may take from now on; undefined leaves it to the server.
 * @throws ServeError INVALID_ARGUMENT for what is no time, DEADLINE_EXCEEDED for a moment that has passed
 */
export function timeoutOf({ deadline }: RunOptions): number | undefined {
  if (deadline === undefined) return undefined;
  const milliseconds = deadline instanceof Date ? deadline.getTime() - Date.now() : deadline;
  if (typeof milliseconds !== "number" || Number.isNaN(milliseconds))
    throw new ServeError("INVALID_ARGUMENT", `deadline: expected a Date or milliseconds from now, found ${String(deadline)}`);
  if (milliseconds > 0) return Math.ceil(milliseconds);
  throw new ServeError("DEADLINE_EXCEEDED", "the request's deadline had passed before it was sent");
}

/** @throws ServeError INVALID_ARGUMENT */
export function levelOf({ priority }: RunOptions): Priority | undefined {
  if (priority === undefined) return undefined;
  const level = priorityOf(priority);
  if (level !== undefined) return level;
  throw new ServeError("INVALID_ARGUMENT", `priority: expected a whole number from 1 (first) to 5, found ${String(priority)}`);
}
