/** How many requests may come. Written as `100/s`, `30/m`, `1000/h`, or with what may come at once: `100/s burst 200`. */
export interface RateLimit {
  /** As it is written, with the burst. */
  readonly text: string;
  /** Milliseconds between two requests that go on for ever. */
  readonly intervalMs: number;
  /** Requests that may come at once after a pause; at least 1. */
  readonly burst: number;
}

/** What {@link parseRateLimit} expects, for messages. */
export const RATE_LIMIT_RULE = "requests per s, m or h such as 100/s, if need be with what may come at once: 100/s burst 200";

const RATE = /^(\d{1,9}(?:\.\d{1,6})?)\/([smh])(?: burst (\d{1,9}))?$/;
const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };

/** Undefined for what is no limit. Without a burst it is what may come in a second, at least 1. */
export function parseRateLimit(text: string): RateLimit | undefined {
  const [, rate = "", unit = "", given] = RATE.exec(text.trim()) ?? [];
  const intervalMs = (UNITS[unit] ?? 0) / Number(rate);
  const burst = given === undefined ? Math.max(1, Math.ceil(1000 / intervalMs)) : Number(given);
  if (!(intervalMs > 0 && Number.isFinite(intervalMs) && burst >= 1)) return undefined;
  return { text: `${rate}/${unit} burst ${burst}`, intervalMs, burst };
}
