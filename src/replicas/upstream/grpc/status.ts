import { constants, type IncomingHttpHeaders } from "node:http2";
import { CODES, type Code, ServeError } from "../../../core/errors.ts";
import { ConnectionLostError } from "../connection-lost.ts";

/** Characters of a server's message that go on. */
const MAX_MESSAGE = 1024;

/**
 * The error that trailers tell, with the server's own message; undefined for success. Headers without a status are an answer of
 * something that is no server of gRPC. Source: gRPC over HTTP/2, "Responses", and its mapping of HTTP statuses.
 */
export function statusError(headers: IncomingHttpHeaders): ServeError | undefined {
  const status = headers["grpc-status"];
  if (status === undefined) return notGrpc(headers);
  if (status === "0") return undefined;
  const code = CODES[Number(status) - 1] ?? "UNKNOWN";
  const message = readable(decoded(headers["grpc-message"]));
  if (code === "UNAUTHENTICATED" || code === "PERMISSION_DENIED") {
    // Clients' keys go no further than here, so that none of theirs can be wrong.
    return new ServeError("INTERNAL", `the model's server refused this server with ${code}${message === "" ? "" : `: ${message}`}`);
  }
  const retryAfter = retryAfterOf(headers);
  return new ServeError(
    code,
    message === "" ? `the model's server answered with the status ${code} and no message` : message,
    retryAfter === undefined ? {} : { retryAfter },
  );
}

/** Seconds, from the trailers of this server and of gRPC's own retries. */
function retryAfterOf(headers: IncomingHttpHeaders): number | undefined {
  const seconds = Number(headers["retry-after"]);
  if (seconds > 0) return seconds;
  const milliseconds = Number(headers["grpc-retry-pushback-ms"]);
  return milliseconds > 0 ? milliseconds / 1000 : undefined;
}

const OF_HTTP: Readonly<Record<number, Code>> = {
  400: "INTERNAL",
  401: "INTERNAL",
  403: "INTERNAL",
  404: "UNIMPLEMENTED",
  429: "UNAVAILABLE",
  502: "UNAVAILABLE",
  503: "UNAVAILABLE",
  504: "UNAVAILABLE",
};

function notGrpc(headers: IncomingHttpHeaders): ServeError {
  const status = Number(headers[":status"] ?? 200);
  const type = readable(String(headers["content-type"] ?? "nothing"));
  if (status === 200 && type.startsWith("application/grpc")) {
    return new ServeError("INTERNAL", "the model's server ended its answer without a status");
  }
  return new ServeError(
    OF_HTTP[status] ?? "UNKNOWN",
    `the model's server answered with HTTP ${status} and ${type} where gRPC was expected: is that port its gRPC port?`,
  );
}

/** The server has not looked at the call: it may be sent again. */
export class RefusedCallError extends ServeError {
  constructor() {
    super("UNAVAILABLE", "the model's server refused the call", { retryAfter: 1 });
  }
}

/** A stream that ended by a reset, or with its connection: then there is no `code`. Source: gRPC over HTTP/2, "Errors". */
export function resetError(code: number | undefined, cause: unknown): ServeError {
  // What came was not HTTP/2.
  if (cause instanceof Error && "code" in cause && cause.code === "ERR_HTTP2_ERROR") {
    const text = `the model's server answered with something that is not HTTP/2 (${cause.message}): is that port its gRPC port?`;
    return new ServeError("INTERNAL", text, { cause });
  }
  switch (code) {
    case undefined:
      return new ConnectionLostError("the connection to the model's server ended before it had answered", { cause });
    case constants.NGHTTP2_REFUSED_STREAM:
      return new RefusedCallError();
    case constants.NGHTTP2_CANCEL:
      return new ServeError("CANCELLED", "the model's server cancelled the call", { cause });
    case constants.NGHTTP2_ENHANCE_YOUR_CALM:
      return new ServeError("RESOURCE_EXHAUSTED", "the model's server says that it is asked too much", { cause, retryAfter: 1 });
    case constants.NGHTTP2_INADEQUATE_SECURITY:
      return new ServeError("INTERNAL", "the model's server wants a better encryption", { cause });
    default:
      return new ServeError("INTERNAL", `the model's server ended the call without a status (HTTP/2 error ${code})`, { cause });
  }
}

function decoded(message: string | string[] | undefined): string {
  const text = String(message ?? "");
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** One line without control characters, that ends where it becomes too long. */
function readable(text: string): string {
  const line = text.replace(/\p{Cc}+/gu, " ").trim();
  return line.length > MAX_MESSAGE ? `${line.slice(0, MAX_MESSAGE)}…` : line;
}
