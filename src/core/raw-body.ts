import type { RawPayload } from "./inference.ts";

const encoder = new TextEncoder();

/** The body of a raw request in which the model has the name that its server knows, in pieces to be sent behind each other; nothing is copied. */
export function bodyNaming({ body, call, contentType }: RawPayload, name: string): readonly Uint8Array[] {
  const range = call?.modelName;
  if (range === undefined) return [body];
  // Between its quotes, where the body is JSON.
  const written = encoder.encode(/json/i.test(contentType) ? JSON.stringify(name).slice(1, -1) : name);
  const { from, to } = range;
  if (Buffer.compare(body.subarray(from, to), written) === 0) return [body];
  return [body.subarray(0, from), written, body.subarray(to)];
}
