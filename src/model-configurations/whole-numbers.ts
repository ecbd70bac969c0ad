/** Integers of 64 bits whose size has been checked. */
export function numbersOf(values: readonly bigint[]): readonly number[] {
  return values.map(Number);
}
