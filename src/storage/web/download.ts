import type { IncomingHttpHeaders } from "node:http";
import type { Clock } from "../../core/clock.ts";
import { ServeError } from "../../core/errors.ts";
import { Progress } from "../progress.ts";
import { shownUrl } from "../shown-url.ts";
import { writeChunks } from "../write-chunks.ts";
import { fileNameOf } from "./file-name.ts";
import { get, type Reply } from "./get.ts";
import type { LeftOver, PartialFile, Validators } from "./partial-file.ts";
import { refusalOf } from "./refusal.ts";
import { TryAgain } from "./try-again.ts";

export interface DownloadOptions {
  /** The version that is there already; not fetched again. */
  readonly known?: Validators;
  /** How often in a row to try without getting further. */
  readonly attempts: number;
  readonly clock: Clock;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface Downloaded {
  readonly name: string;
  readonly validators: Validators;
}

const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 60_000;

/**
 * Downloads into the partial file, going on where an earlier download ended; undefined when the version is the known one.
 * After a failure what has come so far is kept for the next time.
 * @throws ServeError UNAVAILABLE when the last attempt failed too, else as the server refuses; errors of the system; the reason of the signal
 */
export async function download(url: URL, partial: PartialFile, options: DownloadOptions): Promise<Downloaded | undefined> {
  const { attempts, clock, say, signal } = options;
  const shown = shownUrl(url);
  let failures = 0;
  let furthest = 0;
  for (;;) {
    try {
      return await attempt(url, partial, options);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof TryAgain)) throw error;
      const reached = (await partial.leftOver())?.bytes ?? 0;
      if (reached > furthest) failures = 0;
      furthest = Math.max(furthest, reached);
      failures += 1;
      if (failures >= attempts) {
        const tried = `${failures} ${failures === 1 ? "attempt" : "attempts"}`;
        throw new ServeError("UNAVAILABLE", `${shown} could not be fetched in ${tried}: ${error.message}`, { cause: error });
      }
      const pause = Math.min(LONGEST_PAUSE, Math.max(FIRST_PAUSE * 2 ** (failures - 1), 1000 * (error.retryAfter ?? 0)));
      say(`fetching ${shown}: ${error.message}; trying again in ${pause / 1000} s`);
      await passed(pause, clock, signal);
    }
  }
}

async function attempt(url: URL, partial: PartialFile, options: DownloadOptions): Promise<Downloaded | undefined> {
  const { known, clock, signal } = options;
  const left = await partial.leftOver();
  const reply = await get(url, { ...wanted(left, known), "accept-encoding": "identity", "user-agent": "nitrous" }, clock, signal);
  try {
    if (reply.status === 304 && known !== undefined && left === undefined) return undefined;
    if (left !== undefined && reply.status === 416) return await completeAlready(url, partial, left, reply);
    if (left !== undefined && reply.status === 206) return await receive(url, partial, left, reply, options);
    if (reply.status !== 200) throw refusalOf(reply.status, reply.headers, shownUrl(reply.url));
    if (left !== undefined) options.say(`fetching ${shownUrl(url)}: the server does not go on where it ended; starting again`);
    return await receive(url, partial, undefined, reply, options);
  } finally {
    reply.close();
  }
}

function wanted(left: LeftOver | undefined, known: Validators | undefined): Record<string, string> {
  if (left !== undefined) return { range: `bytes=${left.bytes}-`, "if-range": left.ifRange };
  return {
    ...(known?.etag === undefined ? {} : { "if-none-match": known.etag }),
    ...(known?.lastModified === undefined ? {} : { "if-modified-since": known.lastModified }),
  };
}

async function receive(
  url: URL,
  partial: PartialFile,
  left: LeftOver | undefined,
  reply: Reply,
  { clock, say, signal }: DownloadOptions,
): Promise<Downloaded> {
  const name = fileNameOf(url, reply);
  checkEncoding(reply.headers["content-encoding"], name, shownUrl(reply.url));
  const validators = validatorsOf(reply.headers);
  let total = lengthOf(reply.headers);
  if (left !== undefined) {
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/i.exec(reply.headers["content-range"] ?? "");
    if (Number(range?.[1]) !== left.bytes || !isSameVersion(left.validators, validators)) {
      await partial.discard();
      throw new TryAgain("the server went on with something else than was asked for");
    }
    total = range?.[2] === "*" ? total && left.bytes + total : Number(range?.[2]);
  } else await partial.begin(validators);

  let bytes = left?.bytes ?? 0;
  const progress = new Progress(shownUrl(url), total, clock, say);
  progress.report(bytes);
  await writeChunks(partial.path, reply.body, {
    flags: left === undefined ? "wx" : "r+",
    start: bytes,
    signal,
    onChunk: (chunk) => {
      bytes += chunk.byteLength;
      progress.report(bytes);
    },
  });
  if (total !== undefined && bytes !== total) {
    if (bytes > total) await partial.discard();
    throw new TryAgain(`${bytes} bytes came, and ${total} were announced`);
  }
  return { name, validators: left?.validators ?? validators };
}

/** The server has nothing after what is there; that is right if it was the whole file. */
async function completeAlready(url: URL, partial: PartialFile, left: LeftOver, reply: Reply): Promise<Downloaded> {
  const total = /^bytes \*\/(\d+)$/i.exec(reply.headers["content-range"] ?? "")?.[1];
  if (Number(total) === left.bytes && isSameVersion(left.validators, validatorsOf(reply.headers))) {
    return { name: fileNameOf(url, reply), validators: left.validators };
  }
  await partial.discard();
  throw new TryAgain("the server has less than was fetched before");
}

/** Servers that label .gz files so send them as they are. */
function checkEncoding(encoding: string | undefined, name: string, shown: string): void {
  if (encoding === undefined || /^identity$/i.test(encoding)) return;
  if (/^(x-)?gzip$/i.test(encoding) && /\.(gz|tgz)$/i.test(name)) return;
  throw new ServeError(
    "FAILED_PRECONDITION",
    `${shown} was sent compressed (Content-Encoding: ${encoding.slice(0, 40)}), although that was not asked for; switch it off at the server`,
  );
}

function validatorsOf(headers: IncomingHttpHeaders): Validators {
  const { etag, "last-modified": lastModified } = headers;
  return { ...(etag === undefined ? {} : { etag }), ...(lastModified === undefined ? {} : { lastModified }) };
}

/** Whether nothing speaks against it; a server need not repeat its validators. */
function isSameVersion(one: Validators, other: Validators): boolean {
  const same = (left: string | undefined, right: string | undefined) => left === undefined || right === undefined || left === right;
  return same(one.etag, other.etag) && same(one.lastModified, other.lastModified);
}

function lengthOf(headers: IncomingHttpHeaders): number | undefined {
  const length = headers["content-length"];
  return length !== undefined && /^\d+$/.test(length) ? Number(length) : undefined;
}

async function passed(delay: number, clock: Clock, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = clock.after(delay, end);
    signal.addEventListener("abort", end);
  });
  signal.throwIfAborted();
}
