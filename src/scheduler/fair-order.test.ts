import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AccountHeap } from "./account-heap.ts";
import { FairOrder } from "./fair-order.ts";
import { Flow, NOT_WAITING, type Waiting } from "./flow.ts";

const flow = fc.record({
  account: fc.integer({ min: 0, max: 30 }),
  rows: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 6 }),
});

describe("fair order", () => {
  it("is that of a search for the least account at each step, and changes nothing", () => {
    fc.assert(
      fc.property(fc.array(fc.array(flow, { maxLength: 12 }), { maxLength: 3 }), fc.integer({ min: 0, max: 3 }), (levels, price) => {
        const expected: Waiting[] = [];
        const heaps = levels.map((descriptions) => {
          const heap = new AccountHeap<Flow<Waiting>>();
          const simple = descriptions.map(({ account, rows }, turn) => {
            const made = new Flow<Waiting>(`p${turn}`);
            const items = rows.map((count): Waiting => {
              return {
                principal: made.principal,
                priority: 3,
                late: false,
                key: undefined,
                rows: count,
                cost: Math.max(1, count),
                bytes: 0,
                padded: undefined,
                enqueuedAt: 0,
                deadline: 1e9,
                slot: NOT_WAITING,
                charged: 0,
              };
            });
            for (const item of items) made.push(item);
            Object.assign(made, { account, turn });
            heap.push(made);
            return { account, turn, items };
          });
          for (let turn = 100; simple.some(({ items }) => items.length > 0); turn++) {
            const next = simple
              .filter(({ items }) => items.length > 0)
              .reduce((best, each) => ((each.account - best.account || each.turn - best.turn) < 0 ? each : best));
            const item = next.items.shift() as Waiting;
            expected.push(item);
            next.account += Math.max(1, item.rows) * price;
            next.turn = turn;
          }
          return heap;
        });
        for (let again = 0; again < 2; again++) {
          const order = [...new FairOrder([...heaps].reverse(), price, 100)];
          expect(order).toHaveLength(expected.length);
          expect(order.every((item, index) => item === expected[index])).toBe(true);
        }
      }),
    );
  });
});

describe("account heap", () => {
  it("has the least first after any changes", () => {
    const change = fc.record({
      kind: fc.constantFrom("push", "update", "remove"),
      pick: fc.nat(),
      account: fc.integer({ min: 0, max: 50 }),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
        const heap = new AccountHeap<{ account: number; turn: number; place: number }>();
        const members: { account: number; turn: number; place: number }[] = [];
        for (const [turn, { kind, pick, account }] of changes.entries()) {
          const member = members[pick % Math.max(1, members.length)];
          if (kind === "push" || member === undefined) {
            const added = { account, turn, place: -1 };
            members.push(added);
            heap.push(added);
          } else if (kind === "update") {
            member.account = account;
            heap.update(member);
          } else {
            heap.remove(member);
            expect(member.place).toBe(-1);
            members.splice(members.indexOf(member), 1);
          }
          expect(heap.nodes.map(({ place }) => place)).toEqual(heap.nodes.map((_node, place) => place));
          expect(new Set(heap.nodes)).toEqual(new Set(members));
          const [first] = [...members].sort((one, other) => one.account - other.account || one.turn - other.turn);
          expect(heap.nodes[0]).toBe(first);
        }
      }),
    );
  });
});
