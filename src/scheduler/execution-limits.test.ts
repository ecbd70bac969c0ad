import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ExecutionLimits, Priority, SchedulingSpec } from "../core/scheduling.ts";
import { ExecutionResources, type Holder, registerNeeds } from "./execution-limits.ts";

let now = 0;

/** A model that always has calls to make: so many, one after the other, as soon as it may. */
class Model {
  readonly holder: Holder;
  running = 0;
  served = 0;
  todo: number;

  constructor(resources: ExecutionResources, name: string, needs: ExecutionLimits, todo = 1, priority: Priority = 1) {
    this.todo = todo;
    this.holder = resources.register({ name, needs, priority, wake: () => this.flush() });
  }

  flush(): void {
    while (this.todo > 0 && this.holder.tryHold()) {
      this.todo--;
      this.running++;
      this.served++;
    }
  }

  finish(): void {
    this.running--;
    this.holder.release();
    this.flush();
  }
}

describe("execution limits", () => {
  it("let a call have all that it needs or nothing", () => {
    const resources = new ExecutionResources({ gpu: 2, licence: 1 }, () => now);
    const both = resources.register({ name: "both", needs: { gpu: 1, licence: 1 }, priority: 1, wake: () => {} });
    expect(both.tryHold()).toBe(true);
    expect(resources.free).toEqual({ gpu: 1, licence: 0 });
    expect(both.tryHold()).toBe(false);
    expect(resources.free).toEqual({ gpu: 1, licence: 0 });
    both.release();
    expect(resources.free).toEqual({ gpu: 2, licence: 1 });
    expect(() => both.release()).toThrow("both releases what it does not hold");
  });

  it("refuse a need that can never be met when the model is registered", () => {
    const resources = new ExecutionResources({ gpu: 2 }, () => now);
    const register = (needs: ExecutionLimits): Holder => resources.register({ name: "m", needs, priority: 1, wake: () => {} });
    expect(() => register({ gpu: 3 })).toThrow('m needs 3 of resource "gpu", and the server has 2;');
    expect(() => register({ gpus: 1 })).toThrow('m needs 1 of resource "gpus", and the server has none; there is "gpu";');
    expect(() => register({ gpu: 0 })).toThrow("expected a whole number from 1");
    expect(() => register({ gpu: 1.5 })).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });

  it("weigh a model's waiting by what its owner says of that, else by its requests' priority", () => {
    const orderOf = (...rules: SchedulingSpec[]): number[] => {
      now = 0;
      const resources = new ExecutionResources({ gpu: 1 }, () => now);
      const first = resources.register({ name: "first", needs: { gpu: 1 }, priority: 1, wake: () => {} });
      first.tryHold();
      const order: number[] = [];
      rules.forEach((each, index) => {
        now += 10;
        const holder = registerNeeds({ rules: { ...each, resources: { gpu: 1 } }, resources }, () => {
          if (holder?.tryHold() === true) order.push(index);
        });
        holder?.tryHold();
      });
      now += 10;
      first.release();
      return order;
    };
    expect(orderOf({}, {})).toEqual([0]);
    expect(orderOf({ priority: 5 }, { priority: 1 })).toEqual([1]);
    expect(orderOf({ priority: 5, resourcePriority: 1 }, { resourcePriority: 7 })).toEqual([0]);
    expect(orderOf({ resourcePriority: 9 }, { resourcePriority: 2 })).toEqual([1]);
  });

  it("keep what is free for one that needs much, and let others go before it only with what it does not need", () => {
    const resources = new ExecutionResources({ gpu: 2, licence: 1 }, () => now);
    const small = new Model(resources, "small", { gpu: 1 }, 10);
    const large = new Model(resources, "large", { gpu: 2 });
    const other = new Model(resources, "other", { licence: 1 }, 10);
    for (const model of [small, large, other]) {
      now++;
      model.flush();
    }
    expect([small.running, large.running, other.running]).toEqual([2, 0, 1]);
    now++;
    small.finish();
    // It has waited for its third call since before the large one came; from now on it is the later one.
    expect([small.running, large.running]).toEqual([2, 0]);
    now++;
    small.finish();
    expect([small.running, large.running]).toEqual([1, 0]);
    other.finish();
    expect(other.running).toBe(1);
    now++;
    small.finish();
    expect([small.running, large.running]).toEqual([0, 1]);
    now++;
    large.finish();
    expect([small.running, large.running]).toEqual([2, 0]);
  });

  it("count the waiting of a lower priority for less, but never let it starve", () => {
    const resources = new ExecutionResources({ gpu: 1 }, () => now);
    const models = ([1, 1, 5] as const).map((priority) => new Model(resources, `at ${priority}`, { gpu: 1 }, 1000, priority));
    for (const model of models) model.flush();
    for (let turn = 0; turn < 300; turn++) {
      now += 10;
      models.find(({ running }) => running > 0)?.finish();
    }
    const [one = 0, other = 0, low = 0] = models.map(({ served }) => served);
    expect(Math.abs(one - other)).toBeLessThan(30);
    expect(low).toBeGreaterThan(20);
    expect(low).toBeLessThan(one);
  });

  it("do not wait for one that has withdrawn, nor for one that does not take its turn", () => {
    const resources = new ExecutionResources({ gpu: 2 }, () => now);
    const small = new Model(resources, "small", { gpu: 1 }, 2);
    const waiting = new Model(resources, "waiting", { gpu: 2 });
    const later = new Model(resources, "later", { gpu: 1 });
    for (const model of [small, waiting, later]) {
      now++;
      model.flush();
    }
    small.finish();
    expect(later.running).toBe(0);
    waiting.holder.withdraw();
    expect(later.running).toBe(1);
    waiting.flush();
    waiting.todo = 0;
    later.todo = 1;
    later.flush();
    now++;
    small.finish();
    expect(later.running).toBe(1);
    later.finish();
    expect(later.running).toBe(1);
    expect(waiting.served).toBe(0);
  });

  it("never let more be held than there is, and serve everybody in the end", () => {
    const need = fc.record({ a: fc.integer({ min: 0, max: 3 }), b: fc.integer({ min: 0, max: 2 }) });
    const model = fc.record({
      need,
      todo: fc.integer({ min: 1, max: 20 }),
      priority: fc.constantFrom<Priority>(1, 2, 3, 4, 5),
    });
    fc.assert(
      fc.property(fc.array(model, { minLength: 1, maxLength: 8 }), fc.infiniteStream(fc.nat()), (descriptions, random) => {
        const draw = (below: number): number => (random.next().value as number) % below;
        // Moves on at each look, so that the order changes in the middle of things.
        const resources = new ExecutionResources({ a: 3, b: 2 }, () => (now += draw(3)));
        const models = descriptions.map(({ need, todo, priority }, index) => {
          const needs = Object.fromEntries(Object.entries(need).filter(([, amount]) => amount > 0));
          return new Model(resources, `m${index}`, needs, todo, priority);
        });
        const used = (name: "a" | "b"): number =>
          models.reduce((sum, { running }, index) => sum + running * (descriptions[index]?.need[name] ?? 0), 0);
        const total = descriptions.reduce((sum, { todo }) => sum + todo, 0);
        for (const each of models) each.flush();
        for (let step = 0; step < total; step++) {
          expect([used("a"), used("b")]).toEqual([3 - (resources.free.a ?? 0), 2 - (resources.free.b ?? 0)]);
          expect(Math.min(...Object.values(resources.free))).toBeGreaterThanOrEqual(0);
          const running = models.filter((each) => each.running > 0);
          expect(running.length).toBeGreaterThan(0);
          running[draw(running.length)]?.finish();
        }
        expect(models.every(({ todo, running }) => todo === 0 && running === 0)).toBe(true);
      }),
    );
  });
});
