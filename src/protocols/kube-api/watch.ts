import type { Clock } from "../../core/clock.ts";
import { ServeError } from "../../core/errors.ts";
import type { HttpReply, HttpRequest } from "../../core/http.ts";
import { writeJson } from "../shared/index.ts";
import { failureStatus } from "./status.ts";

export interface WatchEvent<Item> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: Item;
}

export interface WatchOptions<Item> {
  readonly request: HttpRequest;
  readonly clock: Clock;
  /** Begins at the call; ends with the signal. */
  readonly begin: (signal: AbortSignal) => AsyncIterable<WatchEvent<Item>>;
  readonly present: (item: Item) => object;
}

export function wantsWatch(query: URLSearchParams): boolean {
  return isTrue(query.get("watch"));
}

/** A parameter of a query that is a boolean, as Kubernetes reads them: `?watch` alone is true. */
export function isTrue(text: string | null): boolean {
  return text !== null && text !== "false" && text !== "0";
}

/**
 * Kubernetes' watch: one `{type, object}` in JSON a line. It ends with the client, the server or after `timeoutSeconds`; what fails
 * in between is its last line, of the type ERROR.
 * @throws ServeError INVALID_ARGUMENT, and what `begin` throws
 */
export function watchReply<Item>({ request, clock, begin, present }: WatchOptions<Item>): HttpReply {
  const seconds = timeoutOf(request.query);
  const controller = new AbortController();
  const end = (): void => controller.abort();
  const { signal } = request.context;
  if (signal.aborted) end();
  const events = begin(controller.signal);
  signal.addEventListener("abort", end, { once: true });
  const stopClock = seconds === 0 ? undefined : clock.after(seconds * 1000, end);
  return { status: 200, headers: { "Content-Type": "application/json", "Cache-Control": "no-cache" }, body: lines() };

  async function* lines(): AsyncGenerator<string> {
    try {
      yield "";
      for await (const { type, object } of events) yield line(type, present(object));
    } catch (thrown) {
      yield line("ERROR", failureStatus(ServeError.from(thrown)));
    } finally {
      stopClock?.();
      end();
    }
  }
}

function line(type: string, object: object): string {
  return `${writeJson({ type, object } as never)}\n`;
}

function timeoutOf(query: URLSearchParams): number {
  const text = query.get("timeoutSeconds") ?? "0";
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new ServeError("INVALID_ARGUMENT", `timeoutSeconds is '${text}'; expected a number of seconds`);
}
