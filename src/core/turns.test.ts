import fc from "fast-check";
import { expect, it } from "vitest";
import { BYTES_A_TURN, joinInTurns } from "./turns.ts";

it("joins parts of any length in their order", async () => {
  const lengths = fc.array(fc.oneof(fc.nat({ max: 9 }), fc.constantFrom(BYTES_A_TURN - 1, BYTES_A_TURN, 2 * BYTES_A_TURN + 3)), {
    maxLength: 4,
  });
  await fc.assert(
    fc.asyncProperty(lengths, async (all) => {
      const parts = all.map((length, index) => new Uint8Array(length).fill(index + 1));
      const total = all.reduce((sum, length) => sum + length, 0);
      const joined = await joinInTurns(parts, total);
      expect(Buffer.from(joined).equals(Buffer.concat(parts))).toBe(true);
    }),
    { numRuns: 30 },
  );
});

it("lets others have their turn in between", async () => {
  let turns = 0;
  let joining = true;
  const count = (): void => {
    turns++;
    if (joining) setImmediate(count);
  };
  setImmediate(count);
  await joinInTurns([new Uint8Array(5 * BYTES_A_TURN)], 5 * BYTES_A_TURN);
  joining = false;
  expect(turns).toBeGreaterThanOrEqual(4);
});
