/** How pixels between and below others are made, by Pillow's numbers (Pillow, Image.Resampling). */
interface Filter {
  /** Pixels of the smaller image that one reaches to either side. */
  readonly support: number;
  readonly weight: (distance: number) => number;
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));
const FILTERS: Readonly<Record<number, Filter>> = {
  1: { support: 3, weight: (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) },
  2: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  3: { support: 2, weight: cubic },
  4: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  5: { support: 1, weight: (x) => (Math.abs(x) < 1 ? sinc(x) * (0.54 + 0.46 * Math.cos(Math.PI * x)) : 0) },
};
const NEAREST = 0;

/** With a = -0.5, as Pillow and torchvision have it. */
function cubic(x: number): number {
  const distance = Math.abs(x);
  if (distance < 1) return (1.5 * distance - 2.5) * distance * distance + 1;
  return distance < 2 ? ((-0.5 * distance + 2.5) * distance - 4) * distance + 2 : 0;
}

/** Of one pixel of the result: the first that it is made of, and their weights, which sum to 1. */
interface Mixture {
  readonly first: number;
  readonly weights: Float64Array;
}

function mixtures(from: number, to: number, { support, weight }: Filter): Mixture[] {
  const scale = from / to;
  // Every pixel counts where an image is made smaller; that is what models were trained on.
  const stretch = Math.max(scale, 1);
  return Array.from({ length: to }, (_, place) => {
    const centre = (place + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support * stretch + 0.5));
    const end = Math.min(from, Math.trunc(centre + support * stretch + 0.5));
    const weights = Float64Array.from({ length: end - first }, (_, index) => weight((index + first - centre + 0.5) / stretch));
    const sum = weights.reduce((total, each) => total + each, 0);
    return { first, weights: weights.map((each) => each / sum) };
  });
}

export interface Pixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

/**
 * An image in another size, as Pillow makes it: columns first unless only rows become fewer, each step rounded to bytes. `resample` is
 * Pillow's number.
 */
export function resampled(image: Pixels, width: number, height: number, resample: number): Pixels {
  if (resample === NEAREST) return nearest(image, width, height);
  const filter = FILTERS[resample] ?? (FILTERS[2] as Filter);
  const columns = (pixels: Pixels): Pixels => (width === pixels.width ? pixels : across(pixels, mixtures(pixels.width, width, filter)));
  const rows = (pixels: Pixels): Pixels => (height === pixels.height ? pixels : down(pixels, mixtures(pixels.height, height, filter)));
  return width > image.width && height < image.height ? columns(rows(image)) : rows(columns(image));
}

function across({ data, width, height, channels }: Pixels, columns: readonly Mixture[]): Pixels {
  const result = new Uint8ClampedArray(columns.length * height * channels);
  let place = 0;
  for (let row = 0; row < height; row++) {
    for (const { first, weights } of columns) {
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        let from = (row * width + first) * channels + channel;
        for (const weight of weights) {
          sum += weight * (data[from] as number);
          from += channels;
        }
        result[place++] = Math.floor(sum + 0.5);
      }
    }
  }
  return { data: bytes(result), width: columns.length, height, channels };
}

function down({ data, width, channels }: Pixels, rows: readonly Mixture[]): Pixels {
  const stride = width * channels;
  const result = new Uint8ClampedArray(rows.length * stride);
  let place = 0;
  for (const { first, weights } of rows) {
    for (let column = 0; column < stride; column++) {
      let sum = 0;
      let from = first * stride + column;
      for (const weight of weights) {
        sum += weight * (data[from] as number);
        from += stride;
      }
      result[place++] = Math.floor(sum + 0.5);
    }
  }
  return { data: bytes(result), width, height: rows.length, channels };
}

function nearest({ data, width, height, channels }: Pixels, newWidth: number, newHeight: number): Pixels {
  const result = new Uint8Array(newWidth * newHeight * channels);
  for (let row = 0; row < newHeight; row++) {
    const from = Math.min(height - 1, Math.floor(((row + 0.5) * height) / newHeight)) * width;
    for (let column = 0; column < newWidth; column++) {
      const pixel = from + Math.min(width - 1, Math.floor(((column + 0.5) * width) / newWidth));
      result.set(data.subarray(pixel * channels, (pixel + 1) * channels), (row * newWidth + column) * channels);
    }
  }
  return { data: result, width: newWidth, height: newHeight, channels };
}

function bytes({ buffer, byteOffset, byteLength }: Uint8ClampedArray): Uint8Array {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}
