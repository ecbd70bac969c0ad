import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { createInterface } from "node:readline";
import { stringify } from "lossless-json";
import { z } from "zod";
import { keyHeaders, withKeyHint } from "./api-key.ts";
import { CliError } from "./errors.ts";
import { noServer } from "./server-address.ts";

/** What the server answers when it refuses: a Kubernetes Status. */
export class RefusedError extends CliError {
  readonly status: number;
  readonly reason: string;
  readonly causes: readonly Cause[];

  constructor(status: number, reason: string, message: string, causes: readonly Cause[]) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.causes = causes;
  }
}

interface Cause {
  readonly field: string;
  readonly message: string;
}

export type Query = Readonly<Record<string, string | undefined>>;
export type Method = "GET" | "POST" | "PUT" | "DELETE";

/** The server's control API, one method a need. Whatever it refuses is a RefusedError, and no server a CliError. */
export interface Client {
  readonly server: string;
  /** The JSON that a request is answered with. */
  send(method: Method, path: string, query?: Query, body?: unknown): Promise<unknown>;
  /** The lines of an answer as they come, until its end or the signal, which ends them without an error. */
  lines(path: string, query: Query, signal: AbortSignal): AsyncGenerator<string>;
}

const refusal = z.object({
  kind: z.literal("Status"),
  message: z.string().catch(""),
  reason: z.string().catch(""),
  details: z
    .object({
      causes: z.array(z.object({ field: z.string().catch(""), message: z.string().catch("") })).catch([]),
    })
    .catch({ causes: [] }),
});

const GIVE_UP_MS = 60_000;

/** `server` as `serverAddress` gives it, `apiKey` as `apiKeyOf` does. */
export function createClient(server: string, apiKey?: string): Client {
  async function send(method: Method, path: string, query: Query = {}, body?: unknown): Promise<unknown> {
    const signal = AbortSignal.timeout(GIVE_UP_MS);
    try {
      const response = await open(server, { method, path, query, body, signal, apiKey });
      const text = await textOf(response);
      return parseJson(text, server);
    } catch (error) {
      if (signal.aborted) throw new CliError(`the server at ${server} has not answered within ${GIVE_UP_MS / 1000} s`);
      throw error;
    }
  }

  async function* lines(path: string, query: Query, signal: AbortSignal): AsyncGenerator<string> {
    try {
      const response = await open(server, { method: "GET", path, query, body: undefined, signal, apiKey });
      // A reader of lines does not pass its input's failure on.
      const failed = new Promise<never>((_, reject) => response.once("error", reject));
      failed.catch(() => undefined);
      const reader = createInterface({ input: response, crlfDelay: Number.POSITIVE_INFINITY });
      const iterator = reader[Symbol.asyncIterator]();
      try {
        for (;;) {
          const next = await Promise.race([iterator.next(), failed]);
          if (next.done === true) break;
          yield next.value;
        }
      } finally {
        reader.close();
        response.destroy();
      }
      if (!response.complete && !signal.aborted) throw gone(server);
    } catch (error) {
      if (signal.aborted) return;
      throw error instanceof CliError ? error : gone(server);
    }
  }

  return { server, send, lines };
}

interface Call {
  readonly method: Method;
  readonly path: string;
  readonly query: Query;
  readonly body: unknown;
  readonly signal: AbortSignal;
  readonly apiKey: string | undefined;
}

/** An answer of a status below 300, its body unread. node:http, because fetch gives a quiet stream up after five minutes. */
async function open(server: string, { method, path, query, body, signal, apiKey }: Call): Promise<IncomingMessage> {
  const url = new URL(`${server}${path}`);
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value);
  const text = body === undefined ? undefined : Buffer.from(stringify(body) ?? "");
  const headers = {
    Accept: "application/json, text/plain",
    ...keyHeaders(apiKey),
    ...(text === undefined ? {} : { "Content-Type": "application/json", "Content-Length": text.length }),
  };
  const options: RequestOptions = { method, headers, signal };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = url.protocol === "https:" ? httpsRequest(url, options) : httpRequest(url, options);
    request.on("response", resolve);
    request.on("error", reject);
    request.end(text);
  }).catch((error: NodeJS.ErrnoException) => {
    if (signal.aborted) throw error;
    throw noServer(server, error);
  });
  if ((response.statusCode ?? 500) < 300) return response;
  throw refused(server, response.statusCode ?? 500, await textOf(response));
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) text += chunk;
  return text;
}

function refused(server: string, status: number, text: string): CliError {
  const parsed = refusal.safeParse(tryJson(text));
  if (parsed.success) {
    const { message, reason, details } = parsed.data;
    const text = message === "" ? `the server answered ${status}` : withKeyHint(status, message);
    return new RefusedError(status, reason, text, details.causes);
  }
  if (status === 404) return new CliError(`what answers at ${server} has no control API: it is another server, or an older nitrous`);
  return new CliError(`the server at ${server} answered ${status}: ${text.slice(0, 500)}`);
}

function parseJson(text: string, server: string): unknown {
  const value = tryJson(text);
  if (value === undefined) throw new CliError(`what answers at ${server} is not nitrous: its answer is not JSON`);
  return value;
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function gone(server: string): CliError {
  return new CliError(`the server at ${server} has gone`);
}
