import { isUtf8 } from "node:buffer";
import { type IncomingMessage, STATUS_CODES } from "node:http";
import { type Code, messageOf, ServeError } from "../../core/errors.ts";
import type { JsonValue } from "../../core/inference.ts";
import { isObject } from "../../encodings/index.ts";
import type { WholeAnswer } from "./answer-parser.ts";
import { ConnectionLostError } from "./connection-lost.ts";
import type { HttpConnections, HttpQuestion } from "./http-connections.ts";

/** Bytes of one answer that is held whole: as many characters as a string may have. */
const MAX_ANSWER_BYTES = 512 * 1024 * 1024;
/** Bytes of an error's body that are read: what they say is cut to a line anyway. */
const MAX_ERROR_BYTES = 64 * 1024;
/** Characters of a server's own words that are passed on. */
const MAX_MESSAGE = 1024;

/**
 * The whole body of an answer.
 * @throws ConnectionLostError when the connection ends in the middle, ServeError RESOURCE_EXHAUSTED when it is too long, or the signal's reason
 */
export function readBody(answer: IncomingMessage, signal: AbortSignal, most = MAX_ANSWER_BYTES): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let length = 0;
    answer.on("data", (piece: Buffer) => {
      pieces.push(piece);
      length += piece.byteLength;
      if (length <= most) return;
      answer.destroy();
      reject(new ServeError("RESOURCE_EXHAUSTED", `the model's server answered more than the ${most} bytes that are read of an answer`));
    });
    answer.once("end", () => resolve(pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces, length)));
    answer.once("error", (error) => reject(signal.aborted ? signal.reason : cutOff(error)));
  });
}

/** Pieces as they come; what nobody reads stays where it is. @throws as {@link readBody} */
export async function* readPieces(answer: IncomingMessage, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const piece of answer) yield piece as Uint8Array;
  } catch (error) {
    throw signal.aborted ? signal.reason : cutOff(error);
  }
}

function cutOff(error: unknown): ConnectionLostError {
  return new ConnectionLostError(`the connection to the model's server ended in the middle of its answer: ${messageOf(error)}`, {
    cause: error,
  });
}

/** The whole answer of one question. @throws ServeError as the server refused, and as {@link HttpConnections.exchange} does */
export async function answerTo(
  connections: HttpConnections,
  question: HttpQuestion,
  signal: AbortSignal,
  most = MAX_ANSWER_BYTES,
): Promise<WholeAnswer> {
  const answer = await connections.exchange(question, signal, most);
  if (isSuccess(answer.status)) return answer;
  throw refusalOf(answer.status, answer.headers, answer.body);
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

/** @throws ServeError what the server answered, unless its status is one of success */
export async function assertAnswered(answer: IncomingMessage, signal: AbortSignal): Promise<void> {
  const status = answer.statusCode ?? 0;
  if (isSuccess(status)) return;
  const body = await readBody(answer, signal, MAX_ERROR_BYTES).catch((error: unknown) => {
    if (signal.aborted) throw error;
    return Buffer.alloc(0);
  });
  throw refusalOf(status, answer.headers, body);
}

function refusalOf(status: number, headers: Readonly<Record<string, string | string[] | undefined>>, body: Uint8Array): ServeError {
  const { location, "retry-after": retryAfter } = headers;
  if (status >= 300 && status < 400) return redirected(status, typeof location === "string" ? location : undefined);
  return errorOfAnswer(status, body, typeof retryAfter === "string" ? retryAfter : undefined);
}

const CODES: Readonly<Record<number, Code>> = {
  404: "NOT_FOUND",
  405: "UNIMPLEMENTED",
  408: "DEADLINE_EXCEEDED",
  409: "ABORTED",
  412: "FAILED_PRECONDITION",
  413: "RESOURCE_EXHAUSTED",
  415: "UNIMPLEMENTED",
  424: "FAILED_PRECONDITION",
  429: "RESOURCE_EXHAUSTED",
  499: "CANCELLED",
  501: "UNIMPLEMENTED",
  502: "UNAVAILABLE",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
};

/** A refusal in the server's own words where it has any, as protocols put them into `error`, `detail` or `message`. */
export function errorOfAnswer(status: number, body: Uint8Array, retryAfter?: string): ServeError {
  const isOfThisServer = status === 401 || status === 403 || status === 407;
  const code = isOfThisServer ? "INTERNAL" : (CODES[status] ?? (status >= 400 && status < 500 ? "INVALID_ARGUMENT" : "INTERNAL"));
  const words = wordsOf(body);
  // Clients' keys go no further than here, so that none of theirs can be wrong.
  const answered = isOfThisServer ? `the model's server refused this server with ${status}` : `the model's server answered ${status}`;
  const phrase = STATUS_CODES[status];
  const message =
    words === ""
      ? `${answered}${phrase === undefined ? "" : ` (${phrase})`} without a reason`
      : code === "INTERNAL"
        ? `${answered}: ${words}`
        : words;
  const seconds = retryAfter !== undefined && /^\d{1,6}$/.test(retryAfter) ? Number(retryAfter) : undefined;
  return new ServeError(code, message, seconds === undefined ? {} : { retryAfter: seconds });
}

function redirected(status: number, location = "elsewhere"): ServeError {
  return new ServeError("INTERNAL", `the model's server answered ${status}, which sends to ${location}; redirects are not followed`);
}

function wordsOf(body: Uint8Array): string {
  if (!isUtf8(body)) return "";
  const text = new TextDecoder().decode(body);
  let said = text;
  try {
    said = textIn(JSON.parse(text) as JsonValue) ?? text;
  } catch {
    // It is not JSON, so it is text; of a page only that it is one.
    if (/^\s*<(!doctype|html)/i.test(text)) return "";
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is removed
  const clean = said.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ").trim();
  return clean.length > MAX_MESSAGE ? `${clean.slice(0, MAX_MESSAGE)}…` : clean;
}

/** KServe and Triton: `error`; OpenAI: `error.message`; FastAPI: `detail`, a text or a list of what is wrong; others: `message`. */
function textIn(value: JsonValue | undefined): string | undefined {
  if (typeof value === "string") return value;
  if (Array.isArray(value))
    return value
      .map((each) => (isObject(each) && typeof each.msg === "string" ? `${placeOf(each.loc)}${each.msg}` : textIn(each)))
      .join("; ");
  if (!isObject(value)) return undefined;
  for (const key of ["error", "detail", "message"]) {
    const text = textIn(value[key]);
    if (text !== undefined) return text;
  }
  return undefined;
}

function placeOf(loc: JsonValue | undefined): string {
  return Array.isArray(loc) ? `${loc.join(".")}: ` : "";
}
