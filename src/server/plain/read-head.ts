import type { IncomingHttpHeaders } from "node:http";
import { MAX_HEADERS } from "../limits.ts";
import type { PlainHead } from "./request.ts";

/** Longer heads are for Node. */
const MAX_BYTES = 4096;
const END = "\r\n\r\n";
const REQUEST_LINE = /(GET|POST) (\/[\x21-\x7e]*) HTTP\/1\.1\r\n/y;
/** RFC 9110, 5: a token, and a value of visible ASCII with spaces and tabs within. Reads every character at most twice. */
const HEADER = /([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*((?:[\x21-\x7e][\t\x20-\x7e]*)?)\r\n/y;
const LENGTH = /^\d{1,9}$/;
/** They change how a message is read or answered; and one that Node makes a list of. */
const NOT_PLAIN = ["transfer-encoding", "expect", "upgrade", "trailer", "te", "http2-settings", "proxy-connection", "set-cookie"] as const;

/**
 * The head at the beginning of `bytes`, when it is whole and plain: GET or POST in HTTP/1.1, a Host, no header twice, a length in digits
 * if any, a connection that stays. Undefined for everything else, right or wrong. RFC 9112, 2 to 6.
 * @param last the head that came before over the same connection: clients mostly send the same again
 */
export function readPlainHead(bytes: Buffer, last: PlainHead | undefined): PlainHead | undefined {
  const end = bytes.indexOf(END);
  if (end < 0 || end > MAX_BYTES) return undefined;
  const text = bytes.toString("latin1", 0, end + END.length);
  return text === last?.text ? last : parse(text);
}

function parse(text: string): PlainHead | undefined {
  REQUEST_LINE.lastIndex = 0;
  const line = REQUEST_LINE.exec(text);
  if (line === null) return undefined;
  const headers = readHeaders(text, REQUEST_LINE.lastIndex);
  if (headers?.host === undefined || NOT_PLAIN.some((name) => headers[name] !== undefined)) return undefined;
  const { connection, "content-length": length } = headers;
  if (connection !== undefined && connection.toLowerCase() !== "keep-alive") return undefined;
  if (length !== undefined && !LENGTH.test(length)) return undefined;
  const method = line[1] as PlainHead["method"];
  const bytes = Number(length ?? 0);
  // A body that a GET comes with is read by nobody.
  if (method === "GET" && bytes > 0) return undefined;
  return { text, method, url: line[2] as string, headers, bytes };
}

/** The headers from `from` up to the empty line; undefined when one is not plain or comes twice, or there are too many. */
function readHeaders(text: string, from: number): IncomingHttpHeaders | undefined {
  const headers: IncomingHttpHeaders = {};
  const end = text.length - 2;
  let at = from;
  for (let count = 0; at < end; count++) {
    HEADER.lastIndex = at;
    const header = HEADER.exec(text);
    if (header === null || count === MAX_HEADERS) return undefined;
    const name = (header[1] as string).toLowerCase();
    // Names of Object.prototype count as said already.
    if (name in headers) return undefined;
    headers[name] = (header[2] as string).trimEnd();
    at = HEADER.lastIndex;
  }
  return headers;
}
