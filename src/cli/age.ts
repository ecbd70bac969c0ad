const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

/** A length of time in as few characters as tell enough, as kubectl writes it (apimachinery, HumanDuration): 45s, 5m10s, 2d4h. */
export function shortDuration(milliseconds: number): string {
  const time = Math.max(0, milliseconds);
  if (time < 2 * MINUTE) return `${Math.floor(time / SECOND)}s`;
  if (time < 10 * MINUTE) return two(time, MINUTE, "m", SECOND, "s");
  if (time < 3 * HOUR) return `${Math.floor(time / MINUTE)}m`;
  if (time < 8 * HOUR) return two(time, HOUR, "h", MINUTE, "m");
  if (time < 2 * DAY) return `${Math.floor(time / HOUR)}h`;
  if (time < 8 * DAY) return two(time, DAY, "d", HOUR, "h");
  if (time < 2 * YEAR) return `${Math.floor(time / DAY)}d`;
  if (time < 8 * YEAR) return two(time, YEAR, "y", DAY, "d");
  return `${Math.floor(time / YEAR)}y`;
}

/** How long ago an RFC 3339 time was; empty for none and for 1970, which what was never created has. */
export function ageOf(time: string | undefined, now: number): string {
  const then = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(then) || then === 0 ? "" : shortDuration(now - then);
}

function two(time: number, large: number, largeUnit: string, small: number, smallUnit: string): string {
  const rest = Math.floor((time % large) / small);
  return `${Math.floor(time / large)}${largeUnit}${rest === 0 ? "" : `${rest}${smallUnit}`}`;
}
