/** Numbers of 16-bit floats, given as their bit patterns; each one is exact in 32 bits. */
export function widenHalfs(bits: ArrayLike<number>, datatype: "FP16" | "BF16"): Float32Array {
  const numbers = new Float32Array(bits.length);
  if (datatype === "FP16") {
    for (let index = 0; index < bits.length; index++) numbers[index] = halfToNumber(bits[index] as number);
  } else {
    const words = new Uint32Array(numbers.buffer);
    for (let index = 0; index < bits.length; index++) words[index] = (bits[index] as number) << 16;
  }
  return numbers;
}

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
