/** A request to send, of whatever protocol. */
export interface LoadRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** Headers that belong to a connection or say how the body is framed: the load has its own. */
const OWN_HEADERS = new Set([
  "host",
  "connection",
  "content-length",
  "expect",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const PATH = /^\/[\x21-\x7e]*$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * An HTTP/1.1 request as it goes over a connection to `origin`, made once and sent as often as needed.
 * @throws RangeError for a method, path or header that would be more than that
 */
export function requestBytes({ host }: URL, { method, path, headers, body }: LoadRequest): Buffer {
  if (!TOKEN.test(method)) throw new RangeError(`method ${JSON.stringify(method)} is none`);
  if (!PATH.test(path)) throw new RangeError(`path ${JSON.stringify(path)} must begin with / and have only visible ASCII characters`);
  let head = `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n`;
  for (const [name, value] of Object.entries(headers)) {
    if (!TOKEN.test(name) || !HEADER_VALUE.test(value)) throw new RangeError(`header ${JSON.stringify(name)} cannot be sent`);
    if (!OWN_HEADERS.has(name.toLowerCase())) head += `${name}: ${value}\r\n`;
  }
  const content = typeof body === "string" ? Buffer.from(body) : body;
  const length = content.byteLength > 0 || method !== "GET" ? `Content-Length: ${content.byteLength}\r\n` : "";
  return Buffer.concat([Buffer.from(`${head}${length}\r\n`, "latin1"), content]);
}
