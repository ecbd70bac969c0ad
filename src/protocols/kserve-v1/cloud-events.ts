import { randomUUID } from "node:crypto";
import { ServeError } from "../../core/errors.ts";
import type { HttpReply, HttpRequest } from "../../core/http.ts";
import type { JsonValue } from "../../core/inference.ts";
import { type JsonObject, parseJson, writeJson } from "../shared/index.ts";

/**
 * CloudEvents 1.0 around V1 bodies, as KServe takes and gives them: in binary mode the attributes are headers `ce-*` and the body is the
 * data; in structured mode they are keys of a JSON object, with the data under `data`.
 */

/** Attributes of an event by their names; none of them is the data. */
export type Attributes = Readonly<Record<string, JsonValue>>;

/** How an answer is to be wrapped. */
export interface EventMode {
  readonly mode: "binary" | "structured";
  /** Of the request. */
  readonly attributes: Attributes;
}

/** What KServe's runtimes read from their environment. */
export interface EventSettings {
  /** CE_TYPE */
  readonly type?: string | undefined;
  /** CE_SOURCE */
  readonly source?: string | undefined;
  /** CE_MERGE: answers carry the attributes of their requests. */
  readonly merge: boolean;
}

const STRUCTURED = "application/cloudevents+json";
const HEADER_PREFIX = "ce-";
/**
 * The attributes that every event has. Without all of these in the headers it is a plain request to which somebody added a header; a JSON
 * object with all of them and data is an event, whatever its content type says.
 */
const REQUIRED = ["specversion", "id", "source", "type"];
const DEFAULT_TYPE = "io.kserve.inference.response";
const DEFAULT_SOURCE = "io.kserve.inference.";

/** The attributes in the headers of an event in binary mode; undefined for anything else. */
export function attributesInHeaders(headers: HttpRequest["headers"]): Attributes | undefined {
  // Nearly all requests are no events, and this is the only price that they pay.
  if (headers["ce-specversion"] === undefined || REQUIRED.some((name) => headers[`${HEADER_PREFIX}${name}`] === undefined))
    return undefined;
  const attributes = Object.entries(headers).flatMap(([name, value]) =>
    name.startsWith(HEADER_PREFIX) && value !== undefined ? [[name.slice(HEADER_PREFIX.length), decoded(String(value))] as const] : [],
  );
  return Object.fromEntries(attributes);
}

/** Whether the answer of an event in structured mode is one too. */
export function isStructured({ "content-type": type }: HttpRequest["headers"]): boolean {
  return typeof type === "string" && type.toLowerCase().startsWith(STRUCTURED);
}

/**
 * The attributes and the data of an event in structured mode; undefined for any other JSON object.
 * @throws ServeError INVALID_ARGUMENT for data in base64 that is no JSON
 */
export function openEnvelope(body: JsonObject): { readonly attributes: Attributes; readonly data: JsonValue } | undefined {
  if (!REQUIRED.every((name) => Object.hasOwn(body, name))) return undefined;
  const { data, data_base64: encodedData, ...attributes } = body;
  if (data !== undefined) return { attributes, data };
  return typeof encodedData === "string" ? { attributes, data: parseJson(Buffer.from(encodedData, "base64")) } : undefined;
}

/** A V1 answer, as JSON text or the same in UTF-8 when it is large, as the event that its request asks for. */
export function eventReply(json: string | Uint8Array, event: EventMode, model: string, settings: EventSettings): HttpReply {
  const attributes = answerAttributes(event, model, settings);
  if (event.mode === "structured") {
    const [head, tail] = [Buffer.from(`${writeJson({ ...attributes }).slice(0, -1)},"data":`), Buffer.from("}")];
    return {
      status: 200,
      headers: { "Content-Type": STRUCTURED },
      body: [head, typeof json === "string" ? Buffer.from(json) : json, tail],
    };
  }
  const headers = Object.entries(attributes).map(([name, value]) => [`${HEADER_PREFIX}${name}`, encoded(textOf(value))] as const);
  const body = typeof json === "string" ? spaced(json) : json;
  return { status: 200, headers: { "Content-Type": "application/json", ...Object.fromEntries(headers) }, body };
}

/** What is wrong with the data of an event in binary mode, in KServe's words and then in our own. Other errors stay as they are. */
export function notAnEvent(error: unknown): unknown {
  if (!(error instanceof ServeError) || error.code !== "INVALID_ARGUMENT") return error;
  return new ServeError("INVALID_ARGUMENT", `Failed to decode or parse binary json cloudevent: ${error.message}`);
}

function answerAttributes({ attributes }: EventMode, model: string, { type, source, merge }: EventSettings): Attributes {
  const { id: _id, time: _time, datacontenttype: _type, ...kept } = attributes;
  return {
    specversion: "1.0",
    ...(merge ? kept : {}),
    id: randomUUID(),
    time: new Date().toISOString(),
    type: type ?? DEFAULT_TYPE,
    source: source ?? `${DEFAULT_SOURCE}${model}`,
  };
}

/**
 * JSON with a space after each comma and colon, which is how KServe's CloudEvents library writes data in binary mode, and what its tests
 * compare byte by byte.
 */
function spaced(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|[,:]/g, (found) => (found === "," || found === ":" ? `${found} ` : found));
}

function textOf(value: JsonValue): string {
  return typeof value === "string" ? value : writeJson(value);
}

/** Header values are ASCII; everything else is percent-encoded (HTTP protocol binding for CloudEvents 1.0, section 3.1.3.2). */
function encoded(value: string): string {
  return value.replace(/[^\x21\x23\x24\x26-\x7e]/gu, (character) =>
    [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join(""),
  );
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
