import { ServeError } from "../../core/errors.ts";
import type { HttpRequest } from "../../core/http.ts";

/** The body, or a field of a form. */
export interface Part {
  /** `body`, or the field's. */
  readonly name: string;
  /** Media type in lower case without parameters; empty when nobody said. */
  readonly type: string;
  readonly data: Uint8Array;
}

/** Fields of a form beyond which it is no form of a person or client library. */
const MOST_FIELDS = 1000;

/**
 * What a request carries, as TorchServe understands it: the fields of a form by their names, else all of the body.
 * @throws ServeError INVALID_ARGUMENT for a form that cannot be read
 */
export async function partsOf({ headers, body }: Pick<HttpRequest, "headers" | "body">): Promise<readonly Part[]> {
  const contentType = headers["content-type"] ?? "";
  const type = mediaType(String(contentType));
  if (type !== "multipart/form-data" && type !== "application/x-www-form-urlencoded") return [{ name: "body", type, data: body }];
  const form = await formOf(body, String(contentType));
  const parts: Part[] = [];
  for (const [name, value] of form) {
    if (parts.length === MOST_FIELDS) throw new ServeError("INVALID_ARGUMENT", `the form has more than ${MOST_FIELDS} fields`);
    if (typeof value === "string") parts.push({ name, type: "", data: Buffer.from(value) });
    else parts.push({ name, type: mediaType(value.type), data: new Uint8Array(await value.arrayBuffer()) });
  }
  if (parts.length === 0) throw new ServeError("INVALID_ARGUMENT", "the form has no fields");
  return parts;
}

async function formOf(body: Uint8Array, contentType: string): Promise<FormData> {
  try {
    return await new Response(body as Uint8Array<ArrayBuffer>, { headers: { "content-type": contentType } }).formData();
  } catch {
    throw new ServeError("INVALID_ARGUMENT", `the body is no ${mediaType(contentType)}: it ends early, or the boundary is another`);
  }
}

function mediaType(contentType: string): string {
  return (contentType.split(";", 1)[0] as string).trim().toLowerCase();
}
