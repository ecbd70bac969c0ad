import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { settle } from "../../test/fake-clock.ts";
import { type Mapping, mapAsTheyCome, mapInOrder } from "./map.ts";

/** Work that a test ends by hand. */
class Bench {
  readonly open = new Map<number, { resolve: (value: number) => void; reject: (error: Error) => void; signal: AbortSignal }>();
  most = 0;

  mapping(source: Mapping<number, number>["source"], concurrency: number, signal?: AbortSignal): Mapping<number, number> {
    return {
      source,
      concurrency,
      signal,
      work: (input, own) =>
        new Promise<number>((resolve, reject) => {
          this.open.set(input, { resolve, reject, signal: own });
          this.most = Math.max(this.most, this.open.size);
        }).finally(() => this.open.delete(input)),
    };
  }

  end(input: number): void {
    this.open.get(input)?.resolve(input * 10);
  }
}

describe("mapping", () => {
  it("gives every answer once, in order or not, with no more under way than it may, whatever ends first", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 12 }),
        fc.integer({ min: 1, max: 5 }),
        fc.boolean(),
        fc.infiniteStream(fc.nat()),
        async (count, concurrency, ordered, picks) => {
          const bench = new Bench();
          const inputs = Array.from({ length: count }, (_, index) => index);
          const mapping = bench.mapping(inputs, concurrency);
          const got: number[] = [];
          const all = (async () => {
            if (ordered) for await (const output of mapInOrder(mapping)) got.push(output);
            else
              for await (const { index, outputs } of mapAsTheyCome(mapping)) {
                expect(outputs).toBe(index * 10);
                got.push(outputs);
              }
          })();
          let over = false;
          void all.finally(() => {
            over = true;
          });
          while (!over) {
            const open = [...bench.open.keys()];
            const pick = open[(picks.next().value as number) % Math.max(1, open.length)];
            if (pick !== undefined) bench.end(pick);
            await settle();
          }
          await all;
          const expected = inputs.map((input) => input * 10);
          expect(ordered ? got : got.toSorted((one, other) => one - other)).toEqual(expected);
          expect(bench.most).toBeLessThanOrEqual(concurrency);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("does not read the source further while nobody takes the answers", async () => {
    const bench = new Bench();
    let read = 0;
    function* source(): Generator<number> {
      for (;;) yield read++;
    }
    const answers = mapInOrder(bench.mapping(source(), 3));
    const first = answers.next();
    await settle();
    for (const input of [0, 1, 2]) bench.end(input);
    expect((await first).value).toBe(0);
    await settle();
    // One has been taken: its place is free once somebody asks for the next one.
    expect(read).toBe(3);
    expect((await answers.next()).value).toBe(10);
    await settle();
    expect(read).toBe(5);
    await settle();
    expect(read).toBe(5);
    await answers.return();
  });

  it("gives up what is under way, and closes the source, when somebody leaves, something fails or the signal says so", async () => {
    for (const way of ["leave", "fail", "abort"] as const) {
      const bench = new Bench();
      let closed = false;
      async function* source(): AsyncGenerator<number> {
        try {
          for (let input = 0; ; input++) yield input;
        } finally {
          closed = true;
        }
      }
      const controller = new AbortController();
      const answers = mapInOrder(bench.mapping(source(), 3, controller.signal));
      const first = answers.next();
      await settle();
      const signals = [...bench.open.values()].map(({ signal }) => signal);
      expect(signals).toHaveLength(3);
      if (way === "leave") {
        bench.end(0);
        await first;
        await answers.return();
      } else if (way === "fail") {
        bench.open.get(0)?.reject(new Error("broken"));
        await expect(first).rejects.toThrow("broken");
      } else {
        controller.abort(new Error("enough"));
        await expect(first).rejects.toThrow("enough");
      }
      await settle();
      expect([signals.every(({ aborted }) => aborted), closed]).toEqual([true, true]);
      expect((await answers.next()).done).toBe(true);
    }
  });

  it("tells a failure of the source after the answers to what came before", async () => {
    const bench = new Bench();
    function* source(): Generator<number> {
      yield 0;
      throw new Error("no more");
    }
    const answers = mapInOrder(bench.mapping(source(), 3));
    const first = answers.next();
    await settle();
    bench.end(0);
    expect((await first).value).toBe(0);
    await expect(answers.next()).rejects.toThrow("no more");
  });

  it("refuses a concurrency that is none", async () => {
    await expect(mapInOrder(new Bench().mapping([], 0)).next()).rejects.toThrow("concurrency is 0");
  });
});
