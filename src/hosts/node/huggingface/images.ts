import { ServeError } from "../../../core/errors.ts";
import type { JsonValue, Payload } from "../../../core/inference.ts";
import type { TensorSpec } from "../../../core/signature.ts";
import { type Row, rowsOf } from "./rows.ts";
import type { JsImage, TransformersJs } from "./transformers-js.ts";

export const IMAGE: TensorSpec = { name: "image", datatype: "BYTES", shape: [-1] };
const EXPECTED = 'an image file as {"b64": ...} or base64 text, or pixels [height, width, 3] from 0 to 255';
/** A PNG with as many pixels would fill the memory of the host. */
const MOST_BYTES = 64 * 1024 * 1024;

/** The images of a request in RGB: files in bytes or base64, or UINT8 [rows, height, width, 3]. @throws ServeError INVALID_ARGUMENT */
export async function imageRows(library: TransformersJs, payload: Payload): Promise<JsImage[]> {
  const [tensor] = payload.kind === "tensors" && payload.tensors.length === 1 ? payload.tensors : [];
  if (tensor?.datatype === "UINT8") {
    const { shape, data } = tensor;
    const [rows = 0, height = 0, width = 0, channels] = shape;
    if (shape.length !== 4 || channels !== 3 || rows * height * width === 0)
      throw new ServeError("INVALID_ARGUMENT", `pixels have the shape [${shape}]; expected UINT8 [rows, height, width, 3]`);
    const size = height * width * 3;
    return Array.from({ length: rows }, (_, row) => new library.RawImage(data.slice(row * size, (row + 1) * size), width, height, 3));
  }
  return await Promise.all(rowsOf(payload, ["image"]).map(({ image }, index) => toImage(library, image, index)));
}

async function toImage(library: TransformersJs, value: Row[string] | undefined, index: number): Promise<JsImage> {
  if (Array.isArray(value)) return fromPixels(library, value, index);
  const bytes = typeof value === "string" ? fromText(value, index) : value;
  if (!(bytes instanceof Uint8Array))
    throw new ServeError("INVALID_ARGUMENT", `instance ${index}: the image is no image; expected ${EXPECTED}`);
  if (bytes.byteLength > MOST_BYTES)
    throw new ServeError("INVALID_ARGUMENT", `instance ${index}: the image has more than ${MOST_BYTES} bytes`);
  try {
    return (await library.RawImage.fromBlob(new Blob([Uint8Array.from(bytes)]))).rgb();
  } catch {
    const message = `instance ${index}: ${bytes.byteLength} bytes are no image that can be read (PNG, JPEG, WebP and others can)`;
    throw new ServeError("INVALID_ARGUMENT", message);
  }
}

/** Base64, perhaps as a data: URI. Nothing is fetched from addresses. */
export function fromText(text: string, index: number, what = "images"): Uint8Array {
  if (/^https?:\/\//i.test(text))
    throw new ServeError("INVALID_ARGUMENT", `instance ${index}: ${what} are not fetched from addresses; send the file itself, in base64`);
  const base64 = text.startsWith("data:") ? text.slice(text.indexOf(",") + 1) : text;
  if (!/^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(base64))
    throw new ServeError("INVALID_ARGUMENT", `instance ${index}: the text is not base64; send a file as {"b64": ...}`);
  return Buffer.from(base64, "base64");
}

function fromPixels(library: TransformersJs, rows: readonly JsonValue[], index: number): JsImage {
  const height = rows.length;
  const width = Array.isArray(rows[0]) ? rows[0].length : 0;
  const flat = (rows as JsonValue[]).flat(2) as JsonValue[];
  const isByte = (value: JsonValue): boolean => typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 255;
  if (height * width === 0 || flat.length !== height * width * 3 || !flat.every(isByte))
    throw new ServeError("INVALID_ARGUMENT", `instance ${index}: the list is no image; expected ${EXPECTED}`);
  return new library.RawImage(Uint8Array.from(flat as number[]), width, height, 3);
}

/** An image as PNG in base64. */
export async function pngOf(image: JsImage): Promise<string> {
  return (await image.toSharp().png().toBuffer()).toString("base64");
}

/** Ramps from black to white and back, PNG of 16 × 16. */
const RAMPS = [
  "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAGUlEQVR42mNkYGAQJAUwMZAIRjWMahg6GgANtQMdUVKDqQAAAABJRU5ErkJggg==",
  "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAGklEQVR42mP8////e1IAEwOJYFTDqIahowEAwZMtIBaeKREAAAAASUVORK5CYII=",
] as const;

/** Two small images that differ, as V1 rows. */
export function sampleImages(): JsonValue[] {
  return RAMPS.map((b64) => ({ image: { b64 } }));
}
