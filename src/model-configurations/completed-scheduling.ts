import { isDeepStrictEqual } from "node:util";
import type { ModelConfiguration } from "../core/model-configuration.ts";
import type { SchedulingSpec } from "../core/scheduling.ts";
import { specFieldsOf } from "./spec-fields.ts";

interface CompletedScheduling {
  readonly scheduling: SchedulingSpec;
  /** What of it has no effect in this server, or another one. */
  readonly notes: readonly string[];
}

/**
 * How requests of a model are scheduled that has completed its configuration itself; undefined when that changes nothing.
 * @param given before that
 * @param said for it as `given` says and as others have said, whose word counts more
 */
export function completedScheduling(
  given: ModelConfiguration,
  completed: ModelConfiguration,
  said: SchedulingSpec = {},
): CompletedScheduling | undefined {
  const { scheduling: before = {}, notes: known = [] } = specFieldsOf(given);
  const { scheduling: after = {}, notes = [] } = specFieldsOf(completed);
  const ofOthers = Object.entries(said).filter(([name, value]) => !isDeepStrictEqual(value, before[name as keyof SchedulingSpec]));
  const scheduling = { ...after, ...Object.fromEntries(ofOthers) };
  if (isDeepStrictEqual(scheduling, said)) return undefined;
  return { scheduling, notes: notes.filter((note) => !known.includes(note)) };
}
