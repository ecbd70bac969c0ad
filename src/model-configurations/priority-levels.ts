import { DEFAULT_PRIORITY, type Priority } from "../core/scheduling.ts";

const MOST_PRIORITIES = 5;

/**
 * This server's priority for one of Triton's levels, of which 1 is the most urgent too: the same number where there are five at most, else
 * the five shares of their range.
 */
export function priorityOfLevel(level: number, levels: number): Priority {
  if (level < 1) return DEFAULT_PRIORITY;
  const priority = levels <= MOST_PRIORITIES ? level : Math.ceil((level * MOST_PRIORITIES) / levels);
  return Math.min(priority, MOST_PRIORITIES) as Priority;
}
