import type { Clock } from "../../core/clock.ts";
import { ServeError } from "../../core/errors.ts";
import type { HttpReply, HttpRequest, Route } from "../../core/http.ts";
import { isModelName } from "../../core/model.ts";
import type { TopSnapshot } from "../../core/top.ts";
import { failJson, jsonReply, wantsEvents } from "../shared/index.ts";

const LEAST_INTERVAL = 0.5;
const LONGEST_INTERVAL = 3600;

/**
 * `GET /nitrous/top`: every model with its traffic of the last ten seconds, and what the server itself uses. `?namespace=` limits the
 * models, `?watch` sends a snapshot every `interval` seconds (2) as a line of JSON, or as a server-sent event to whoever accepts those.
 */
export function createTopRoute(top: (namespace?: string) => TopSnapshot, clock: Clock): Route {
  return {
    method: "GET",
    path: "/nitrous/top",
    access: "read",
    openEnded: true,
    handle(request) {
      const namespace = namespaceIn(request.query);
      const interval = intervalIn(request.query);
      const watch = request.query.get("watch");
      if (watch === null || watch === "false" || watch === "0") return jsonReply(JSON.stringify(top(namespace)));
      return snapshots(request, () => top(namespace), interval * 1000, clock);
    },
    fail: failJson,
  };
}

function snapshots({ context, headers }: HttpRequest, top: () => TopSnapshot, interval: number, clock: Clock): HttpReply {
  const asEvents = wantsEvents(headers);
  const { signal } = context;
  const type = asEvents ? "text/event-stream; charset=utf-8" : "application/x-ndjson";
  return { status: 200, headers: { "Content-Type": type, "Cache-Control": "no-cache" }, body: pieces() };

  async function* pieces(): AsyncGenerator<string> {
    while (!signal.aborted) {
      const text = JSON.stringify(top());
      yield asEvents ? `data: ${text}\n\n` : `${text}\n`;
      await pause(clock, interval, signal);
    }
  }
}

/** Ends early with the signal. */
async function pause(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = clock.after(milliseconds, end);
    signal.addEventListener("abort", end, { once: true });
  });
}

function namespaceIn(query: URLSearchParams): string | undefined {
  const namespace = query.get("namespace") ?? undefined;
  if (namespace === undefined || isModelName(namespace)) return namespace;
  throw new ServeError("INVALID_ARGUMENT", `namespace is ${JSON.stringify(namespace)}; expected the name of a namespace`);
}

function intervalIn(query: URLSearchParams): number {
  const text = query.get("interval") ?? "2";
  const seconds = Number(text);
  if (text !== "" && seconds >= LEAST_INTERVAL && seconds <= LONGEST_INTERVAL) return seconds;
  const expected = `expected seconds from ${LEAST_INTERVAL} to ${LONGEST_INTERVAL}`;
  throw new ServeError("INVALID_ARGUMENT", `interval is ${JSON.stringify(text)}; ${expected}`);
}
