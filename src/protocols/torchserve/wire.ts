import { ServeError } from "../../core/errors.ts";
import type { HttpRequest } from "../../core/http.ts";
import type { Payload } from "../../core/inference.ts";
import type { BytesTensor } from "../../core/tensor.ts";
import type { Part } from "./body.ts";

/** Names of the one input and the one output of a handler's methods; python/nitrous_host/archives has the other end. */
const REQUEST = "request";
const RESPONSE = "response";

/** Headers that are for this server and not for the code of a model. */
const SECRET = new Set(["authorization", "proxy-authorization", "x-api-key", "cookie"]);

export interface HandlerResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly type?: string;
  /** Why there is no body. */
  readonly error?: string;
  readonly body: Uint8Array;
}

/** A request as one element of a BYTES tensor: the length of a JSON head (unsigned 32-bit), the head, the parts one after the other. */
export function writeRequest(headers: HttpRequest["headers"], parts: readonly Part[]): Payload {
  const given = Object.entries(headers).filter(([name, value]) => value !== undefined && !SECRET.has(name));
  const head = Buffer.from(
    JSON.stringify({
      headers: Object.fromEntries(given.map(([name, value]) => [name, String(value)])),
      parts: parts.map(({ name, type, data }) => ({ name, type, bytes: data.byteLength })),
    }),
  );
  const length = Buffer.alloc(4);
  length.writeUInt32LE(head.byteLength);
  const tensor: BytesTensor = {
    name: REQUEST,
    datatype: "BYTES",
    shape: [1],
    data: [Buffer.concat([length, head, ...parts.map(({ data }) => data)])],
  };
  return { kind: "tensors", tensors: [tensor] };
}

/** @throws ServeError INTERNAL when a host answered something else */
export function readResponse(payload: Payload): HandlerResponse {
  const tensor = payload.kind === "tensors" ? payload.tensors.find(({ name }) => name === RESPONSE) : undefined;
  const element = tensor?.datatype === "BYTES" ? tensor.data[0] : undefined;
  if (element === undefined) throw new ServeError("INTERNAL", "the host of the archive answered no response");
  const bytes = Buffer.from(element.buffer, element.byteOffset, element.byteLength);
  const end = 4 + bytes.readUInt32LE(0);
  const head = JSON.parse(bytes.toString("utf8", 4, end)) as Omit<HandlerResponse, "body">;
  return { ...head, body: bytes.subarray(end) };
}
