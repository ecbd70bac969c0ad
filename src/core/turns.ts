/** What a turn of the event loop copies at most: about half a millisecond. */
export const BYTES_A_TURN = 1024 * 1024;

/** Settles in the next turn of the event loop, after what is waiting. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** All parts in one piece of memory, copied over as many turns of the event loop as it takes. `total` is the bytes of all. */
export async function joinInTurns(parts: readonly Uint8Array[], total: number): Promise<Uint8Array<ArrayBuffer>> {
  const whole = new Uint8Array(total);
  let offset = 0;
  let left = BYTES_A_TURN;
  for (const part of parts) {
    let taken = 0;
    while (taken < part.byteLength) {
      const piece = part.subarray(taken, taken + left);
      whole.set(piece, offset);
      taken += piece.byteLength;
      offset += piece.byteLength;
      left -= piece.byteLength;
      if (left > 0) continue;
      left = BYTES_A_TURN;
      await nextTurn();
    }
  }
  return whole;
}
