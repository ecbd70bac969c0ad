import { ServeError } from "../../../core/errors.ts";
import type { Payload } from "../../../core/inference.ts";
import type { TensorSpec } from "../../../core/signature.ts";
import { elementsOf } from "../../../core/tensor.ts";
import { fromText } from "./images.ts";
import { rowsOf } from "./rows.ts";

export const AUDIO: TensorSpec = { name: "audio", datatype: "BYTES", shape: [-1] };

/** The sounds of a request at a rate (samples a second): WAV files in bytes or base64, lists of numbers, or FP32 [rows, samples]. */
export function soundRows(payload: Payload, rate: number): Float32Array[] {
  if (payload.kind === "tensors" && payload.tensors.length === 1 && payload.tensors[0]?.datatype === "FP32") {
    const [tensor] = payload.tensors;
    const [rows = 0, samples = 0] = tensor.shape;
    if (tensor.shape.length !== 2 || rows * samples === 0)
      throw new ServeError("INVALID_ARGUMENT", `the sound has the shape [${tensor.shape}]; expected FP32 [rows, samples]`);
    const values = elementsOf(tensor) as Float32Array;
    return Array.from({ length: rows }, (_, row) => values.slice(row * samples, (row + 1) * samples));
  }
  return rowsOf(payload, ["audio"]).map(({ audio }, index) => {
    if (Array.isArray(audio) && audio.length > 0 && audio.every((value) => typeof value === "number")) return Float32Array.from(audio);
    const bytes = typeof audio === "string" ? fromText(audio, index, "sounds") : audio;
    if (bytes instanceof Uint8Array) return readWav(bytes, rate, index);
    throw new ServeError("INVALID_ARGUMENT", `instance ${index}: expected a WAV file as {"b64": ...}, or a list of numbers`);
  });
}

/** Samples from -1 to 1 of a RIFF file in PCM of 16 bits or in single precision, its channels mixed. */
function readWav(bytes: Uint8Array, rate: number, index: number): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tag = (offset: number): string => Buffer.from(bytes.subarray(offset, offset + 4)).toString("latin1");
  const refuse = (what: string): never => {
    throw new ServeError(
      "INVALID_ARGUMENT",
      `instance ${index}: ${what}; expected a WAV file of ${rate} samples a second, PCM of 16 bits or float`,
    );
  };
  if (bytes.byteLength < 44 || tag(0) !== "RIFF" || tag(8) !== "WAVE") return refuse(`${bytes.byteLength} bytes are no WAV file`);
  let format: { readonly kind: number; readonly channels: number; readonly bits: number } | undefined;
  for (let offset = 12; offset + 8 <= bytes.byteLength; ) {
    const length = view.getUint32(offset + 4, true);
    const start = offset + 8;
    if (tag(offset) === "fmt " && start + 16 <= bytes.byteLength) {
      const kind = view.getUint16(start, true);
      format = {
        kind: kind === 0xfffe ? view.getUint16(start + 24, true) : kind,
        channels: view.getUint16(start + 2, true),
        bits: view.getUint16(start + 14, true),
      };
      const own = view.getUint32(start + 4, true);
      if (own !== rate) return refuse(`it has ${own} samples a second`);
    } else if (tag(offset) === "data" && format !== undefined) {
      const { kind, channels, bits } = format;
      const isFloat = kind === 3 && bits === 32;
      if (!isFloat && !(kind === 1 && bits === 16)) return refuse(`its samples are of kind ${kind} with ${bits} bits`);
      const size = bits / 8;
      const frames = Math.floor(Math.min(length, bytes.byteLength - start) / (size * channels));
      return Float32Array.from({ length: frames }, (_, frame) => {
        let sum = 0;
        for (let channel = 0; channel < channels; channel++) {
          const place = start + (frame * channels + channel) * size;
          sum += isFloat ? view.getFloat32(place, true) : view.getInt16(place, true) / 32768;
        }
        return sum / channels;
      });
    }
    offset = start + length + (length % 2);
  }
  return refuse("it has no samples");
}
