import { describe, expect, it } from "vitest";
import { resampled } from "./resample.ts";

/** An image of 9 × 7. */
const image = { data: Uint8Array.from({ length: 189 }, (_, index) => (index * 53) % 256), width: 9, height: 7, channels: 3 };

describe("images in another size", () => {
  // The first bytes of what Pillow 13.0.0 makes of it.
  it.each([
    [4, 3, 0, [54, 107, 160, 116, 169, 222, 178, 231, 28, 240, 37, 90]],
    [4, 3, 1, [104, 114, 82, 121, 100, 144, 114, 155, 110, 168, 114, 160]],
    [4, 3, 2, [108, 116, 89, 122, 104, 135, 117, 145, 116, 159, 120, 154]],
    [4, 3, 3, [105, 116, 84, 123, 100, 141, 115, 151, 112, 164, 117, 158]],
    [13, 5, 3, [46, 98, 67, 87, 154, 58, 122, 173, 71, 110, 82, 126]],
    [9, 14, 2, [0, 53, 106, 159, 212, 9, 62, 115, 168, 221, 18, 71]],
    [13, 5, 4, [0, 53, 106, 159, 212, 9, 159, 212, 9, 62, 115, 168]],
    [4, 3, 5, [103, 127, 81, 130, 97, 142, 112, 154, 108, 166, 114, 157]],
  ])("are Pillow's: %i × %i, resample %i", (width, height, resample, expected) => {
    const { data, ...size } = resampled(image, width, height, resample);
    expect(size).toEqual({ width, height, channels: 3 });
    expect(data).toHaveLength(width * height * 3);
    expect([...data.subarray(0, expected.length)]).toEqual(expected);
  });
});
