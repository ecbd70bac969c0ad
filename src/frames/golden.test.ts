import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ServeError } from "../core/errors.ts";
import { FrameDecoder } from "./decoder.ts";
import { encodeFrame } from "./encode.ts";
import { FRAME_TYPES, type JsonObject } from "./frame.ts";
import { parseJson } from "./json.ts";

const place = fileURLToPath(new URL("../../testdata/frames", import.meta.url));
const names = readdirSync(place).flatMap((file) => (file.endsWith(".bin") ? [file.slice(0, -4)] : []));

interface Golden {
  readonly type: number;
  readonly stream: number;
  readonly meta: JsonObject;
  readonly blobs: readonly string[];
}

function read(name: string): { bytes: Buffer; told: unknown } {
  return { bytes: readFileSync(join(place, `${name}.bin`)), told: parseJson(readFileSync(join(place, `${name}.json`), "utf8")) };
}

describe("golden frames", () => {
  it.each(names.filter((name) => !name.startsWith("invalid-")))("%s is read and written byte for byte", (name) => {
    const { bytes, told } = read(name);
    const { type, stream, meta, blobs } = told as unknown as Golden;
    const buffers = blobs.map((blob) => Buffer.from(blob, "base64"));
    const frames = new FrameDecoder().push(bytes);
    expect(frames).toEqual([{ type, stream, meta, blobs: buffers }]);
    expect(Buffer.concat(encodeFrame(type, stream, meta, buffers))).toEqual(bytes);
  });

  it.each(names.filter((name) => name.startsWith("invalid-")))("%s is refused", (name) => {
    const { bytes, told } = read(name);
    expect(() => new FrameDecoder().push(bytes)).toThrow((told as { reason: string }).reason);
  });
});

const blob = fc.uint8Array({ maxLength: 40 });
const frame = fc.record({ stream: fc.nat(), text: fc.string(), blobs: fc.array(blob, { maxLength: 4 }) });

describe("frames", () => {
  it("survive any cutting into chunks", () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 5 }), fc.infiniteStream(fc.integer({ min: 1, max: 50 })), (list, sizes) => {
        const sent = list.map(({ stream, text, blobs }) => {
          const tensors = blobs.map((bytes, index) => ({
            name: `${index}`,
            datatype: "UINT8",
            shape: [bytes.length],
            bytes: bytes.length,
          }));
          return { type: FRAME_TYPES.infer, stream, meta: { text, tensors }, blobs };
        });
        const bytes = Buffer.concat(sent.flatMap(({ type, stream, meta, blobs }) => encodeFrame(type, stream, meta, blobs)));
        const decoder = new FrameDecoder();
        const received = [];
        for (let offset = 0; offset < bytes.length; ) {
          const size = sizes.next().value as number;
          received.push(...decoder.push(Uint8Array.prototype.slice.call(bytes, offset, offset + size)));
          offset += size;
        }
        expect(received.map(({ blobs, ...rest }) => ({ ...rest, blobs: blobs.map((view) => Uint8Array.from(view)) }))).toEqual(sent);
      }),
    );
  });

  it("that are garbage fail with a ServeError or wait for more", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (garbage, plausible) => {
        const bytes = plausible ? Buffer.concat([Buffer.from("NT\x01\x05", "latin1"), garbage]) : garbage;
        try {
          new FrameDecoder().push(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(ServeError);
        }
      }),
    );
  });

  it("of unknown types are skipped", () => {
    const bytes = Buffer.concat([...encodeFrame(200, 1, { any: 1 }), ...encodeFrame(FRAME_TYPES.ping, 2, {})]);
    expect(new FrameDecoder().push(bytes)).toEqual([{ type: FRAME_TYPES.ping, stream: 2, meta: {}, blobs: [] }]);
  });
});
