import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LatencyCurve } from "../core/latency-curve.ts";
import type { Priority } from "../core/scheduling.ts";
import { batchWhileBusy } from "./batching.ts";
import { FairQueue } from "./fair-queue.ts";
import { NOT_WAITING, type Waiting } from "./flow.ts";

interface Request extends Waiting {
  readonly name: number;
}

let names = 0;
const curve = new LatencyCurve();

function request(principal: string, options: Partial<Request> = {}): Request {
  return {
    principal,
    priority: 3,
    late: false,
    key: "k",
    rows: 1,
    cost: Math.max(1, options.rows ?? 1),
    bytes: 10,
    padded: undefined,
    enqueuedAt: 0,
    deadline: 1e9,
    slot: NOT_WAITING,
    charged: 0,
    name: names++,
    ...options,
  };
}

const upTo =
  (maxRows: number) =>
  (waiting: Iterable<Request>): Request[] =>
    batchWhileBusy(waiting, { maxRows, maxBytes: 1e9 }, { now: 0, curve, rowsWaiting: 0, costWaiting: 0 }).batch;

const principalsOf = (requests: Iterable<Request>): string => [...requests].map(({ principal }) => principal).join("");

/** Takes `turns` batches that each run for what their rows cost, and says how much compute time each principal has had. */
function serve(queue: FairQueue<Request>, turns: number, maxRows: number, costOf: (item: Request) => number, each?: () => void) {
  const spent = new Map<string, number>();
  for (let turn = 0; turn < turns; turn++) {
    each?.();
    const batch = queue.take(upTo(maxRows));
    for (const item of batch) spent.set(item.principal, (spent.get(item.principal) ?? 0) + costOf(item));
    queue.charge(
      batch,
      batch.reduce((sum, item) => sum + costOf(item), 0),
    );
  }
  return spent;
}

describe("fair queue", () => {
  it("is first in, first out for one principal", () => {
    const queue = new FairQueue<Request>(() => 0);
    const requests = Array.from({ length: 100 }, () => request(""));
    for (const item of requests) queue.push(item);
    expect([...queue]).toEqual(requests);
    expect(queue.take(upTo(64))).toEqual(requests.slice(0, 64));
    expect([queue.requests, queue.bytes]).toEqual([36, 360]);
  });

  it("lets principals take turns, also within a batch", () => {
    const queue = new FairQueue<Request>(() => 0);
    for (const principal of "aaaaaabbc") queue.push(request(principal));
    expect(principalsOf(queue)).toBe("abcabaaaa");
    expect(principalsOf(queue.take(upTo(4)))).toBe("abca");
    expect(principalsOf(queue)).toBe("baaaa");
  });

  it("lets one with dear requests have fewer of them", () => {
    const queue = new FairQueue<Request>(() => 0);
    for (let count = 0; count < 100; count++) for (const principal of "ab") queue.push(request(principal));
    const taken: Request[] = [];
    serve(queue, 60, 1, (item) => {
      taken.push(item);
      return item.principal === "a" ? 5 : 1;
    });
    const count = (principal: string): number => new Set(taken.filter((item) => item.principal === principal)).size;
    expect(count("b") / count("a")).toBeCloseTo(5, 0);
  });

  it("begins no batch of a lower level while a higher one waits, and lets the lower one ride along", () => {
    const queue = new FairQueue<Request>(() => 0);
    queue.push(request("a", { priority: 5 }));
    queue.push(request("b", { priority: 1, key: "other" }));
    queue.push(request("c", { priority: 2 }));
    expect(principalsOf(queue)).toBe("bca");
    expect(principalsOf(queue.take(upTo(8)))).toBe("b");
    expect(principalsOf(queue.take(upTo(8)))).toBe("ca");
  });

  it("puts requests back before the others of their principal", () => {
    const queue = new FairQueue<Request>(() => 0);
    for (const principal of "aaabbb") queue.push(request(principal));
    const order = [...queue].map(({ name }) => name);
    const batch = queue.take(upTo(4));
    queue.charge(batch, 0);
    queue.unshift(batch.map((item) => ({ ...item, key: undefined })));
    expect([...queue].map(({ name }) => name)).toEqual(order);
    expect([queue.requests, queue.bytes]).toEqual([6, 60]);
  });

  it("remembers what a principal owes while it pauses, but not for ever, and saves nothing up for one that was away", () => {
    let now = 0;
    const queue = new FairQueue<Request>(() => now);
    const push = (principal: string, count: number): void => {
      for (let each = 0; each < count; each++) queue.push(request(principal));
    };
    push("b", 50);
    push("a", 1);
    // One call of the principal takes as long as twenty of the other's.
    const spent = serve(queue, 2, 1, ({ principal }) => (principal === "a" ? 20 : 1));
    expect([...spent]).toEqual([
      ["b", 1],
      ["a", 20],
    ]);
    push("a", 30);
    let order = "";
    serve(queue, 10, 1, ({ principal }) => {
      order += principal;
      return 1;
    });
    expect(new Set(order)).toEqual(new Set("b"));
    for (const item of [...queue]) if (item.principal === "a") queue.remove(item);
    push("a", 30);
    expect(principalsOf(queue).slice(0, 5)).toBe("bbbbb");
    for (const item of [...queue]) if (item.principal === "a") queue.remove(item);
    now += 61_000;
    push("a", 30);
    const share = (principal: string, requests: number): number =>
      [...principalsOf(queue).slice(0, requests)].filter((each) => each === principal).length;
    expect(share("a", 10)).toBe(5);
    push("c", 30);
    expect(share("c", 12)).toBe(4);
  });

  it("holds nothing against one that has been alone, or has ridden along, for long", () => {
    const queue = new FairQueue<Request>(() => 0);
    const both = (priority: Priority): string => {
      for (const principal of "bababababa") queue.push(request(principal, { priority }));
      return principalsOf(queue).slice(0, 6);
    };
    for (let turn = 0; turn < 100; turn++) {
      queue.push(request("a", { priority: 2 }));
      queue.charge(queue.take(upTo(4)), 1);
    }
    expect(both(2)).toMatch(/^(?=.*a.*a).*b.*b/);
    queue.take((waiting) => [...waiting]);
    for (let turn = 0; turn < 100; turn++) {
      queue.push(request("driver", { priority: 1 }));
      queue.push(request("a", { priority: 5 }));
      expect(principalsOf(queue.take(upTo(4)))).toBe("drivera");
    }
    expect(both(5)).toMatch(/^(?=.*a.*a).*b.*b/);
  });

  it("finds each request again when many have left from the middle", () => {
    const queue = new FairQueue<Request>(() => 0);
    let left: Request[] = [];
    for (let round = 0; round < 6; round++) {
      const added = Array.from({ length: 50 }, () => request("a"));
      for (const item of added) queue.push(item);
      left.push(...added);
      left = left.filter((item, index) => index % 3 === 0 || !queue.remove(item));
      expect([...queue]).toEqual(left);
      const seen: Request[] = [];
      queue.forEach((item) => {
        seen.push(item);
      });
      expect(seen).toEqual(left);
      queue.unshift(queue.take(upTo(7)));
      expect([...queue]).toEqual(left);
    }
    for (const item of left.toReversed()) expect(queue.remove(item)).toBe(true);
    expect([queue.requests, queue.bytes]).toEqual([0, 0]);
  });

  it("serves who comes back before who never stops, also when the call that ran was cheaper than expected", () => {
    const queue = new FairQueue<Request>(() => 0);
    for (let count = 0; count < 20; count++) queue.push(request("flood"));
    for (let turn = 0; turn < 5; turn++) {
      const running = queue.take(upTo(1));
      queue.push(request("modest"));
      queue.charge(running, turn % 2 === 0 ? 10 : 9);
      const next = queue.take(upTo(1));
      expect(principalsOf(next)).toBe("modest");
      queue.charge(next, 10);
      queue.charge(queue.take(upTo(1)), 10);
    }
  });

  it("says how much goes before one more request", () => {
    const queue = new FairQueue<Request>(() => 0);
    expect(queue.costBefore("a", 3)).toBe(0);
    for (const principal of "aaaaaaaaaabbc") queue.push(request(principal));
    queue.push(request("a", { priority: 1, rows: 5 }));
    // A turn of each other one for each of its own, and all of a higher level.
    expect(queue.costBefore("a", 3)).toBe(10 + 2 + 1 + 5);
    expect(queue.costBefore("b", 3)).toBe(2 + 2 + 1 + 5);
    expect(queue.costBefore("new", 3)).toBe(5);
    expect(queue.costBefore("new", 1)).toBe(0);
    expect([queue.requestsOf("a"), queue.requestsOf("b"), queue.requestsOf("new")]).toEqual([11, 2, 0]);
  });

  it("predicts what goes before a request from what each has had", () => {
    const pushes = fc.array(fc.constantFrom("a", "b", "c", "d", "e"), { minLength: 5, maxLength: 60 });
    fc.assert(
      fc.property(pushes, fc.integer({ min: 0, max: 20 }), fc.integer({ min: 1, max: 5 }), (principals, turns, maxRows) => {
        const queue = new FairQueue<Request>(() => 0);
        for (const principal of principals) queue.push(request(principal));
        serve(queue, turns, maxRows, () => 1);
        const predicted = queue.costBefore("a", 3);
        const mine = request("a");
        queue.push(mine);
        // Of those whose turn comes at the same moment some go before it and some after it.
        expect(Math.abs([...queue].indexOf(mine) - predicted)).toBeLessThanOrEqual(4);
      }),
    );
  });

  it("forgets principals that neither wait nor owe much", () => {
    const queue = new FairQueue<Request>(() => 0);
    for (let count = 0; count < 20_000; count++) {
      queue.push(request(`principal ${count}`));
      queue.charge(queue.take(upTo(1)), 1);
    }
    expect(queue.principals).toBeLessThan(2500);
    queue.push(request("last"));
    expect(principalsOf(queue)).toBe("last");
  });
});

describe("fairness", () => {
  it.each([
    ["one at a time", 1, 1],
    ["in batches", 8, 1],
    ["when a request of the flood costs ten times as much", 1, 10],
  ])("gives a flood no more than its share while another waits: %s", (_name, maxRows, dear) => {
    const queue = new FairQueue<Request>(() => 0);
    const costOf = ({ principal }: Request): number => (principal === "flood" ? dear : 1);
    for (let count = 0; count < 1000; count++) queue.push(request("flood"));
    const arrive = (): void => {
      for (let count = 0; count < 10 * maxRows; count++) queue.push(request("flood"));
      for (let count = 0; count < maxRows; count++) queue.push(request("other"));
    };
    const spent = serve(queue, 400, maxRows, costOf, arrive);
    // The other one asks for more than its half, so it has requests waiting throughout.
    const flood = spent.get("flood") as number;
    expect(flood / (flood + (spent.get("other") as number))).toBeLessThan(0.53);
  });

  it("serves a principal with one request at a time within a batch or two of a flood", () => {
    const queue = new FairQueue<Request>(() => 0);
    for (let count = 0; count < 5000; count++) queue.push(request("flood"));
    const waits: number[] = [];
    for (let round = 0; round < 100; round++) {
      queue.push(request("other"));
      for (let batches = 1; ; batches++) {
        const batch = queue.take(upTo(4));
        queue.charge(batch, 4 + (round % 3));
        if (!batch.some(({ principal }) => principal === "other")) continue;
        waits.push(batches);
        break;
      }
    }
    expect(Math.max(...waits)).toBeLessThanOrEqual(2);
  });

  it("never lets two principals that both wait drift apart by more than their largest batches", () => {
    const costs = fc.record({
      a: fc.integer({ min: 1, max: 50 }),
      b: fc.integer({ min: 1, max: 50 }),
      rows: fc.integer({ min: 1, max: 6 }),
    });
    fc.assert(
      fc.property(costs, ({ a, b, rows }) => {
        const queue = new FairQueue<Request>(() => 0);
        for (let count = 0; count < 1500; count++) for (const principal of "ab") queue.push(request(principal, { key: principal }));
        const spent = serve(queue, 200, rows, ({ principal }) => (principal === "a" ? a : b));
        expect(Math.abs((spent.get("a") ?? 0) - (spent.get("b") ?? 0))).toBeLessThanOrEqual(2 * rows * Math.max(a, b));
      }),
    );
  });
});

describe("properties", () => {
  const action = fc.oneof(
    fc.record({
      kind: fc.constant("push" as const),
      principal: fc.constantFrom("", "a", "b", "c"),
      priority: fc.constantFrom<Priority>(1, 3, 5),
      key: fc.constantFrom("k", "l", undefined),
      rows: fc.integer({ min: 0, max: 5 }),
      bytes: fc.integer({ min: 0, max: 100 }),
    }),
    fc.record({
      kind: fc.constant("take" as const),
      maxRows: fc.integer({ min: 1, max: 12 }),
      back: fc.boolean(),
      cost: fc.double({ min: 0, max: 1000, noNaN: true }),
    }),
    fc.record({ kind: fc.constant("remove" as const), pick: fc.nat() }),
  );

  it("neither loses nor doubles a request, keeps each principal's order, and counts right", () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 300 }), (actions) => {
        let now = 0;
        const queue = new FairQueue<Request>(() => now);
        const model = new Set<Request>();
        const gone: Request[] = [];
        for (const step of actions) {
          now += 1000;
          if (step.kind === "push") {
            const { principal, priority, key, rows, bytes } = step;
            const item = request(principal, { priority, key, rows, bytes });
            queue.push(item);
            model.add(item);
          } else if (step.kind === "take") {
            const best = Math.min(...[...model].map(({ priority }) => priority));
            const batch = queue.take(upTo(step.maxRows));
            expect(batch.length > 0).toBe(model.size > 0);
            if (batch[0] !== undefined) expect(batch[0].priority).toBe(best);
            for (const item of batch) expect(model.delete(item)).toBe(true);
            queue.charge(batch, step.cost);
            if (step.back) {
              queue.unshift(batch);
              for (const item of batch) model.add(item);
            } else {
              gone.push(...batch);
            }
          } else {
            const item = [...model][step.pick % Math.max(1, model.size)];
            if (item === undefined) continue;
            expect(queue.remove(item)).toBe(true);
            expect(queue.remove(item)).toBe(false);
            model.delete(item);
            gone.push(item);
          }
          const order = [...queue];
          expect(order.length).toBe(model.size);
          expect(new Set(order)).toEqual(model);
          expect(queue.requests).toBe(model.size);
          expect(queue.bytes).toBe([...model].reduce((sum, { bytes }) => sum + bytes, 0));
          expect(order.map(({ priority }) => priority)).toEqual(order.map(({ priority }) => priority).sort());
          if (!actions.some((each) => each.kind === "take" && each.back)) {
            for (const principal of ["", "a", "b", "c"]) {
              for (const priority of [1, 3, 5]) {
                const mine = order.filter((each) => each.principal === principal && each.priority === priority).map(({ name }) => name);
                expect(mine).toEqual([...mine].sort((one, other) => one - other));
              }
            }
          }
        }
        for (const item of gone) expect(queue.remove(item)).toBe(false);
      }),
    );
  });
});
