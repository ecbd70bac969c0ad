import { CODES, type Code, type ServeError } from "../../core/errors.ts";

/** Characters of a message: clients limit the size of all trailers together, many to 8 KiB. */
const MAX_MESSAGE = 1024;

/** Trailers of a call that has failed. */
export function failureTrailers({ code, message, retryAfter }: ServeError): Record<string, string> {
  return {
    "grpc-status": String(CODES.indexOf(code) + 1),
    "grpc-message": percentEncoded(message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message),
    ...(retryAfter === undefined ? {} : { "retry-after": String(Math.max(1, Math.ceil(retryAfter))) }),
  };
}

/** As gRPC over HTTP/2 has it: every byte of UTF-8 that is not visible ASCII or a space, and "%", as "%XX". */
export function percentEncoded(text: string): string {
  if (/^[\x20-\x24\x26-\x7e]*$/.test(text)) return text;
  let encoded = "";
  for (const byte of Buffer.from(text)) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += isPlain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}

const HTTP_STATUSES: Readonly<Partial<Record<Code, number>>> = {
  NOT_FOUND: 404,
  UNIMPLEMENTED: 501,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
  INTERNAL: 500,
  UNKNOWN: 500,
  DATA_LOSS: 500,
};

/** The HTTP status that stands for an outcome where calls and requests over HTTP are counted together: on the wire it is always 200. */
export function httpStatusOf(outcome: "OK" | Code): number {
  return outcome === "OK" ? 200 : (HTTP_STATUSES[outcome] ?? 400);
}
