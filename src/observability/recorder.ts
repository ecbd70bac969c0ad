import { isUtf8 } from "node:buffer";
import { createHash, randomBytes } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type { Exchange } from "../core/exchange.ts";
import { DEFAULT_NAMESPACE } from "../core/model.ts";
import type { RecordedRequest, RecordingHead } from "../core/recording.ts";
import { counterFamily, type Family } from "./families.ts";
import { LineWriter } from "./line-writer.ts";

export interface RecorderOptions {
  readonly file: string;
  readonly bodies: boolean;
  /** Bytes of the file. */
  readonly maxBytes: number;
  readonly clock: Clock;
  /** Milliseconds that every request has; what one has less is recorded. */
  readonly requestTimeoutMs: number;
  /** Told what whoever runs the server should know. */
  readonly onNotice: (text: string) => void;
}

export interface Recorder {
  readonly record: (exchange: Exchange) => void;
  readonly families: readonly Family[];
  /** Writes what has not been written yet. */
  close(): Promise<void>;
}

const MAX_BUFFERED = 16 * 1024 * 1024;
/** A longer body is left out: making a line of it would keep everybody else waiting for 5 ms and more. */
export const MAX_BODY = 2 * 1024 * 1024;
const KEPT_HEADERS = ["content-type", "accept", "inference-header-content-length", "nitrous-namespace"] as const;

/**
 * Begins a recording of all inference requests in a new file; docs/recording.md has the format.
 * @throws Error that names the file and why it cannot be written
 */
export async function openRecorder(options: RecorderOptions): Promise<Recorder> {
  const { file, clock, onNotice } = options;
  const writer = await LineWriter.create(file, {
    clock,
    maxBuffered: MAX_BUFFERED,
    maxBytes: options.maxBytes,
    onEnd: (reason) => onNotice(`the recording ${file} has ended: ${reason}; later requests are not in it`),
    onDrop: () => onNotice(`the recording ${file} lacks requests: the disk is slower than they come; the metrics count them`),
  }).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === "EEXIST" ? "it is there already; remove it or name another file" : messageOf(error);
    throw new Error(`cannot record requests in ${file}: ${why}`);
  });
  const startedAt = clock.now();
  const head: RecordingHead = { nitrousRecording: 1, startedAt: new Date().toISOString() };
  writer.add(JSON.stringify(head));
  const alias = createAliases();
  return {
    record(exchange) {
      if (!writer.ended) writer.add(JSON.stringify(recordedRequestOf(exchange, options, startedAt, alias)));
    },
    families: [
      counterFamily("nitrous_recording_lines_total", "Lines that were written to the recording of requests.", () => writer.written),
      counterFamily(
        "nitrous_recording_dropped_requests_total",
        "Requests that are not in the recording because the disk was slower than they came.",
        () => writer.dropped,
      ),
    ],
    close: () => writer.close(),
  };
}

function recordedRequestOf(
  { context, method, path, headers, body }: Exchange,
  { bodies, requestTimeoutMs }: RecorderOptions,
  startedAt: number,
  alias: (principal: string) => string,
): RecordedRequest {
  const { record, priority, principal, deadline } = context;
  const timeoutMs = deadline - record.startedAt;
  const kept: Record<string, string> = {};
  for (const name of KEPT_HEADERS) {
    const value = headers[name];
    if (typeof value === "string") kept[name] = value;
  }
  // It may have come in the Host header, which is another one when the recording is replayed.
  if (record.namespace !== "" && record.namespace !== DEFAULT_NAMESPACE) kept["nitrous-namespace"] = record.namespace;
  return {
    at: rounded(Math.max(0, record.startedAt - startedAt)),
    method,
    path,
    headers: kept,
    bytes: body?.byteLength ?? declaredBytes(headers),
    ...(bodies ? bodyOf(body) : {}),
    ...(priority === undefined ? {} : { priority }),
    ...(timeoutMs < requestTimeoutMs ? { timeoutMs: rounded(timeoutMs) } : {}),
    ...(principal === "" ? {} : { principal: alias(principal) }),
    outcome: record.outcome,
    durationMs: rounded(record.finishedAt - record.startedAt),
  };
}

function bodyOf(body: Uint8Array | undefined): { text?: string; base64?: string } {
  if (body === undefined || body.byteLength === 0 || body.byteLength > MAX_BODY) return {};
  const buffer = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return isUtf8(buffer) ? { text: buffer.toString() } : { base64: buffer.toString("base64") };
}

function declaredBytes(headers: Exchange["headers"]): number {
  const length = Number(headers["content-length"] ?? 0);
  return Number.isSafeInteger(length) && length >= 0 ? length : 0;
}

const MAX_ALIASES = 10_000;

/** Principals under names that tell them apart in one recording and are of no use outside of it. */
function createAliases(): (principal: string) => string {
  const salt = randomBytes(16);
  const aliases = new Map<string, string>();
  return (principal) => {
    let alias = aliases.get(principal);
    if (alias === undefined) {
      alias = createHash("sha256").update(salt).update(principal).digest("hex").slice(0, 8);
      if (aliases.size >= MAX_ALIASES) aliases.clear();
      aliases.set(principal, alias);
    }
    return alias;
  };
}

function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}
