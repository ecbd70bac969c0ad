import { z } from "zod";
import { ServeError } from "../core/errors.ts";
import type { LoadRequest } from "./request-bytes.ts";

/** Requests and when they arrived, as `nitrous serve --record FILE` writes them. */
export interface Recording {
  /** When the recording began, as RFC 3339. */
  readonly startedAt: string;
  readonly requests: readonly LoadRequest[];
  /** Milliseconds after the start, ascending, one for each request. */
  readonly times: readonly number[];
}

const VERSION = 1;
const heading = z.looseObject({ nitrousRecording: z.literal(VERSION), startedAt: z.string() });
const line = z
  .looseObject({
    at: z.number().min(0),
    method: z.string().min(1),
    path: z.string().startsWith("/"),
    headers: z.record(z.string(), z.string()).default({}),
    text: z.string().optional(),
    base64: z.base64().optional(),
    priority: z.number().int().optional(),
    timeoutMs: z.number().positive().optional(),
  })
  .refine(({ text, base64 }) => text === undefined || base64 === undefined, { error: "expected text or base64, not both" });

/**
 * Reads a recording: JSON lines, the heading first (docs/recording.md). Requests are put in the order of their arrival: a server writes
 * them in the order in which they ended. A last line that was cut off, because the server was killed, is left out.
 * @throws ServeError INVALID_ARGUMENT naming `file`, line, field and what was expected
 */
export function parseRecording(text: string, file: string): Recording {
  const lines = text.split("\n");
  const wrong = (index: number, message: string): ServeError =>
    new ServeError("INVALID_ARGUMENT", `${file}, line ${index + 1}: ${message}`);
  const checked = <Value>(schema: z.ZodType<Value>, index: number): Value => {
    let value: unknown;
    try {
      value = JSON.parse(lines[index] ?? "");
    } catch (error) {
      throw wrong(index, `not JSON: ${(error as Error).message}`);
    }
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    throw wrong(index, parsed.error.issues.map(({ path, message }) => [path.join("."), message].filter(Boolean).join(": ")).join("; "));
  };
  if (!(lines[0] ?? "").includes("nitrousRecording")) {
    throw wrong(0, `expected {"nitrousRecording":${VERSION},…}; 'nitrous serve --record FILE' writes such files`);
  }
  const { startedAt } = checked(heading, 0);
  // Every whole line of a server ends with a line feed, so what comes after the last one may be a part.
  const length = isJson(lines.at(-1) ?? "") ? lines.length : lines.length - 1;
  const entries: Array<{ readonly at: number; readonly request: LoadRequest }> = [];
  for (let index = 1; index < length; index++) {
    if (lines[index] === "") continue;
    const { at, method, path, headers, text: body, base64, priority, timeoutMs } = checked(line, index);
    const asked = {
      ...(priority === undefined ? {} : { "nitrous-priority": String(priority) }),
      ...(timeoutMs === undefined ? {} : { "nitrous-timeout": String(timeoutMs) }),
    };
    const content = base64 === undefined ? (body ?? "") : Buffer.from(base64, "base64");
    entries.push({ at, request: { method, path, headers: { ...asked, ...lowerCase(headers) }, body: content } });
  }
  if (entries.length === 0) throw wrong(0, "the recording holds no requests");
  entries.sort((left, right) => left.at - right.at);
  return { startedAt, requests: entries.map(({ request }) => request), times: entries.map(({ at }) => at) };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
