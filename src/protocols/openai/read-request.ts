import { ServeError } from "../../core/errors.ts";
import type { HttpRequest } from "../../core/http.ts";
import type { BodyRange, RawCall, RawPayload, Target } from "../../core/inference.ts";
import type { ControlPlane } from "../../core/planes.ts";
import { OpenAiError, unknownModel } from "./errors.ts";
import { boundaryOf, findFormFields } from "./form-fields.ts";
import { findFields } from "./object-fields.ts";
import { targetNamed } from "./target.ts";

/** What is known of a request when its body has been looked at. */
export interface ReadRequest {
  readonly target: Target;
  readonly payload: RawPayload;
}

const FIELDS = ["model", "stream"];
/** Longer names no model has, with their namespace and with an escape for each letter. */
const LONGEST_NAME = 2048;
const MOST_SHOWN = 60;

/**
 * Finds the model's name and whether the answer is to come in pieces; the rest of the body is for the model's own server.
 * @param path of the protocol, such as "/chat/completions"
 * @throws ServeError INVALID_ARGUMENT, and NOT_FOUND for a name that no model can have
 */
export async function readRequest(controlPlane: Pick<ControlPlane, "names">, path: string, request: HttpRequest): Promise<ReadRequest> {
  const { body, headers } = request;
  const contentType = String(headers["content-type"] ?? "application/json");
  const boundary = boundaryOf(contentType);
  const fields = await (boundary === undefined ? findFields(body, FIELDS) : findFormFields(body, boundary, FIELDS));
  const text = ({ from, to }: BodyRange): string => Buffer.from(body.buffer, body.byteOffset + from, to - from).toString();
  const [name, modelName] = nameIn(fields.get("model"), text, boundary === undefined);
  const streams = fields.get("stream");
  const call: RawCall = { protocol: "openai", path, stream: streams !== undefined && flagIn(text(streams).slice(0, 100)), modelName };
  const target = unknownModel(() => targetNamed(name, controlPlane, request));
  // Without a type, or with the one that curl gives to everything: what has been read as JSON is JSON.
  const isJson = boundary === undefined && !/[/+]json\b/i.test(contentType);
  return { target, payload: { kind: "raw", contentType: isJson ? "application/json" : contentType, body, call } };
}

/** The name, and where it stands without its quotes. */
function nameIn(range: BodyRange | undefined, text: (range: BodyRange) => string, isJson: boolean): readonly [string, BodyRange] {
  if (range === undefined) throw wrong("model", "the name of a model", "nothing");
  const bytes = range.to - range.from;
  if (bytes > LONGEST_NAME) throw wrong("model", "the name of a model", `${bytes} bytes`);
  const found = text(range);
  if (!isJson) return [found, range];
  const value: unknown = found.startsWith('"') ? parsed(found) : undefined;
  if (typeof value !== "string") throw wrong("model", "the name of a model as a text", found.slice(0, MOST_SHOWN));
  return [value, { from: range.from + 1, to: range.to - 1 }];
}

function flagIn(found: string): boolean {
  if (found === "true") return true;
  if (found === "false" || found === "null" || found === "") return false;
  throw wrong("stream", "true or false", found.slice(0, MOST_SHOWN));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function wrong(field: string, expected: string, found: string): ServeError {
  return new OpenAiError(new ServeError("INVALID_ARGUMENT", `${field}: expected ${expected}, got ${found}`), { param: field });
}
