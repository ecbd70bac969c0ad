import { describe, expect, it } from "vitest";
import { FakeClock, settle } from "../../test/fake-clock.ts";
import { FakeReplica } from "../../test/fake-replica.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import { ServeError } from "../core/errors.ts";
import type { ReplicaCall } from "../core/replica.ts";
import { Scheduler } from "./scheduler.ts";

const MAX_ROWS = 8;

/** A model that takes `cost` milliseconds for each call, with `slots` calls at once, and clients that send one request each `gap` ms. */
class Load {
  readonly clock = new FakeClock();
  readonly scheduler: Scheduler;
  readonly replicas: FakeReplica[];
  readonly #due = new Map<FakeReplica, number>();
  cost: number;
  sent = 0;
  refused = 0;
  answered = 0;
  late = 0;

  constructor(cost: number, slots = 1) {
    this.cost = cost;
    this.scheduler = new Scheduler({
      clock: this.clock,
      queueLimits: { maxRequests: 1000, maxBytes: 1e9, maxStreams: 1 },
      batchLimits: { maxRows: MAX_ROWS, maxBytes: 1e6 },
    });
    this.replicas = Array.from({ length: slots }, () => new FakeReplica());
    for (const replica of this.replicas) this.scheduler.add(replica);
  }

  send(timeout: number): void {
    const context = new RequestContext({
      deadline: this.clock.now() + timeout,
      record: createRecord("test", "m", this.clock.now()),
    });
    this.sent++;
    try {
      void this.scheduler.run(CALL, { batchable: true }, context).then(
        () => this.answered++,
        () => this.late++,
      );
    } catch {
      this.refused++;
    }
  }

  async step(milliseconds: number): Promise<void> {
    await this.clock.turn();
    await this.clock.advance(milliseconds);
    for (const replica of this.replicas) {
      if (replica.calls.length === 0) continue;
      if (replica.calls[0]?.signal?.aborted === true) {
        this.#due.delete(replica);
        replica.fail(new ServeError("CANCELLED", "cancelled"));
        continue;
      }
      const due = this.#due.get(replica) ?? this.clock.now() + this.cost - milliseconds;
      this.#due.set(replica, due);
      if (due > this.clock.now()) continue;
      this.#due.delete(replica);
      replica.echo();
    }
    await settle();
  }

  /** Part of the requests that were answered in so many milliseconds, with one request in each. */
  async run(milliseconds: number, timeout: number, gap = 1): Promise<number> {
    const [sent, answered] = [this.sent, this.answered];
    for (let time = 0; time < milliseconds; time++) {
      if (time % gap === 0) this.send(timeout);
      await this.step(1);
    }
    return (this.answered - answered) / (this.sent - sent);
  }
}

const CALL: ReplicaCall = {
  method: "predict",
  payload: { kind: "tensors", tensors: [{ name: "x", datatype: "UINT8", shape: [1], data: new Uint8Array(1) }] },
};

describe("under more load than there are replicas for", () => {
  it.each([120, 150, 250, 500])("replicas are kept busy when a call takes 100 ms and there are %i", async (timeout) => {
    const load = new Load(100);
    await load.run(3000, timeout);
    const { answered, late } = load;
    await load.run(3000, timeout);
    expect(load.answered - answered).toBeGreaterThanOrEqual(0.9 * 30 * MAX_ROWS);
    expect(load.late - late).toBeLessThan(0.05 * 30 * MAX_ROWS);
  });

  it("requests are refused when the model has become too slow for them, and accepted when it is quick again", async () => {
    const load = new Load(10);
    await load.run(1000, 300);
    load.cost = 1000;
    await load.run(3000, 300);
    const { late } = load;
    await load.run(3000, 300);
    expect(load.late - late).toBeLessThan(0.05 * 3000);
    load.cost = 10;
    await load.run(500, 300, 2);
    expect(await load.run(500, 300, 2)).toBeGreaterThan(0.9);
  });

  it("one call that never ends keeps nobody from a replica that is free", async () => {
    const load = new Load(1000, 2);
    load.send(100_000);
    for (let count = 0; count < 3; count++) await load.step(1000);
    load.cost = Number.POSITIVE_INFINITY;
    load.send(100_000);
    await load.step(1);
    load.cost = 10;
    expect(await load.run(100, 100, 20)).toBe(1);
  });
});

describe("a call that took a minute", () => {
  async function stall(load: Load): Promise<void> {
    const { cost } = load;
    load.cost = 60_000;
    load.send(100_000);
    for (let count = 0; count < 70; count++) await load.step(1000);
    load.cost = cost;
  }

  it("because it was the first one does not have others refused for long that take 10 ms", async () => {
    const load = new Load(10);
    await stall(load);
    await load.run(100, 100, 2);
    expect(await load.run(100, 100, 2)).toBeGreaterThan(0.9);
  });

  it("once does not have others refused for long that take 10 ms", async () => {
    const load = new Load(10);
    await load.run(1000, 100, 2);
    for (let count = 0; count < 20; count++) await load.step(10);
    await stall(load);
    await load.run(100, 100, 2);
    expect(await load.run(100, 100, 2)).toBeGreaterThan(0.9);
  });
});
