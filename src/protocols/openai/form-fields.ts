import { ServeError } from "../../core/errors.ts";
import type { BodyRange } from "../../core/inference.ts";
import { nextTurn } from "../../core/turns.ts";

/** What is searched in one turn of the event loop. */
const BYTES_A_TURN = 4 * 1024 * 1024;
const MOST_PARTS = 100;
const MOST_HEADER_BYTES = 8 * 1024;
const HEADERS_END = Buffer.from("\r\n\r\n");

/** The boundary of `multipart/form-data`; undefined for another content type. */
export function boundaryOf(contentType: string): string | undefined {
  if (!/^multipart\/form-data\b/i.test(contentType)) return undefined;
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType) ?? [];
  return quoted ?? plain;
}

/**
 * Where the values of some fields stand in a form (RFC 7578); files of these names are none.
 * @throws ServeError INVALID_ARGUMENT for what is no form with this boundary, and for a field that is there twice
 */
export async function findFormFields(
  body: Uint8Array,
  boundary: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, BodyRange>> {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const delimiter = Buffer.from(`--${boundary}`, "latin1");
  const between = Buffer.concat([Buffer.from("\r\n"), delimiter]);
  const found = new Map<string, BodyRange>();
  if (!bytes.subarray(0, delimiter.byteLength).equals(delimiter)) throw notForm("it does not begin with its boundary");
  let at = delimiter.byteLength;
  for (let parts = 0; bytes.toString("latin1", at, at + 2) !== "--"; parts++) {
    if (parts === MOST_PARTS) throw notForm(`it has more than ${MOST_PARTS} parts`);
    const headersEnd = bytes.subarray(at, at + MOST_HEADER_BYTES).indexOf(HEADERS_END);
    if (headersEnd < 0) throw notForm("the headers of a part have no end");
    const from = at + headersEnd + HEADERS_END.byteLength;
    const to = await indexInTurns(bytes, between, from);
    if (to < 0) throw notForm("its last part has no end");
    const name = fieldNameIn(bytes.toString("utf8", at, at + headersEnd));
    if (name !== undefined && names.includes(name)) {
      if (found.has(name)) throw new ServeError("INVALID_ARGUMENT", `${name}: the form has it twice, expected it once`);
      found.set(name, { from, to });
    }
    at = to + between.byteLength;
  }
  return found;
}

function fieldNameIn(headers: string): string | undefined {
  const disposition = /^content-disposition:(.*)$/im.exec(headers)?.[1] ?? "";
  if (/;\s*filename\*?=/i.test(disposition)) return undefined;
  const [, quoted, plain] = /;\s*name=(?:"([^"]*)"|([^\s;"]+))/i.exec(disposition) ?? [];
  return quoted ?? plain;
}

async function indexInTurns(bytes: Buffer, wanted: Buffer, from: number): Promise<number> {
  for (let at = from; at < bytes.byteLength; at += BYTES_A_TURN) {
    const index = bytes.subarray(at, at + BYTES_A_TURN + wanted.byteLength - 1).indexOf(wanted);
    if (index >= 0) return at + index;
    if (at + BYTES_A_TURN < bytes.byteLength) await nextTurn();
  }
  return -1;
}

function notForm(reason: string): ServeError {
  return new ServeError("INVALID_ARGUMENT", `the body is not a form of multipart/form-data: ${reason}`);
}
