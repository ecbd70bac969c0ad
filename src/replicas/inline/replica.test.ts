import { describe, expect, it } from "vitest";
import { FakeClock } from "../../../test/fake-clock.ts";
import { FakeReplica } from "../../../test/fake-replica.ts";
import type { ReplicaCall } from "../../core/replica.ts";
import type { Tensor } from "../../core/tensor.ts";
import { InlineBudget } from "./budget.ts";
import { InlineCost } from "./cost.ts";
import { createInlineReplica, type InlineReplica, type InlineSession } from "./replica.ts";

class Host extends FakeReplica {
  override readonly description = {
    methods: { predict: { accepts: "tensors" as const, inputs: [], outputs: [], batchable: true } },
    framework: "fake",
    frameworkVersion: "0",
    warnings: [],
  };
}

/** A graph that computes at the end of a turn, for as long as a test says. */
class FakeSession implements InlineSession {
  readonly rows: number[] = [];
  released = false;
  readonly #clock: FakeClock;
  readonly #cost: (rows: number) => number;

  constructor(clock: FakeClock, cost: (rows: number) => number) {
    this.#clock = clock;
    this.#cost = cost;
  }

  run(tensors: readonly Tensor[]): Promise<Tensor[]> {
    return new Promise((resolve) =>
      this.#clock.afterTurn(() => {
        const rows = tensors[0]?.shape[0] ?? 1;
        this.rows.push(rows);
        void this.#clock.advance(this.#cost(rows));
        resolve([...tensors]);
      }),
    );
  }

  async release(): Promise<void> {
    this.released = true;
  }
}

const call = (...rows: number[]): ReplicaCall => ({
  method: "predict",
  payload: {
    kind: "tensors",
    tensors: rows.map((count, index) => ({
      name: String(index),
      datatype: "UINT8" as const,
      shape: [count],
      data: new Uint8Array(count),
    })),
  },
});

interface World {
  readonly clock: FakeClock;
  readonly budget: InlineBudget;
  readonly host: Host;
  readonly sessions: FakeSession[];
  readonly replicas: readonly InlineReplica[];
  closed: number;
}

/** Models of 0.1 ms and 0.1 ms for each row, with one budget. */
function createWorld(models = 1, cost = (rows: number): number => 0.1 + 0.1 * rows): World {
  const clock = new FakeClock();
  const budget = new InlineBudget(clock, 1);
  const host = new Host();
  const sessions: FakeSession[] = [];
  const world: World = {
    clock,
    budget,
    host,
    sessions,
    closed: 0,
    replicas: Array.from({ length: models }, (_, index) => {
      const session = new FakeSession(clock, cost);
      sessions.push(session);
      const learned = new InlineCost();
      for (const rows of [1, 2, 4, 8, 16]) learned.prove(rows, 0.1 + 0.1 * rows);
      const onClosed = (): void => {
        world.closed++;
      };
      return createInlineReplica({ id: String(index), session, host, cost: learned, budget, clock, onClosed });
    }),
  };
  return world;
}

describe("an inline replica", () => {
  it("answers here and says what the graph took, without the rest of the turn", async () => {
    const { clock, host, replicas } = createWorld();
    const answer = (replicas[0] as InlineReplica).run(call(4));
    await clock.advance(50);
    await clock.turn();
    expect((await answer).computeMs).toBeCloseTo(0.5);
    expect(host.calls).toEqual([]);
  });

  it("has room for what fits into the turn, and all of them share it", async () => {
    const { clock, replicas } = createWorld(2);
    const [one, two] = replicas as [InlineReplica, InlineReplica];
    expect(one.roomForRows()).toBe(9);
    const answer = one.run(call(5));
    // Rounding decides between the two.
    expect([2, 3]).toContain(two.roomForRows());
    await clock.turn();
    await answer;
    await clock.turn();
    expect(two.roomForRows()).toBe(9);
  });

  it("gives the host what is too large, and what its inputs disagree about", async () => {
    const { host, sessions, replicas } = createWorld();
    const replica = replicas[0] as InlineReplica;
    const answers = [replica.run(call(10)), replica.run(call(1, 2))];
    expect(host.calls).toHaveLength(2);
    host.echo();
    host.echo();
    await Promise.all(answers);
    expect(sessions[0]?.rows).toEqual([]);
    expect(replica.roomForRows()).toBe(9);
  });

  it("costs more in its eyes when the machine has become slower, until it takes nothing", async () => {
    const { clock, replicas } = createWorld(1, (rows) => 2 + rows);
    const replica = replicas[0] as InlineReplica;
    expect(replica.costOfOneRow).toBeCloseTo(0.2);
    let runs = 0;
    while (replica.roomForRows() >= 1) {
      const answer = replica.run(call(1));
      await clock.turn();
      await answer;
      await clock.turn();
      runs++;
    }
    expect(runs).toBeGreaterThan(1);
    expect(replica.costOfOneRow).toBeGreaterThan(0.9);
  });

  it("gives its room back when the graph refuses an input", async () => {
    const world = createWorld();
    const replica = world.replicas[0] as InlineReplica;
    (world.sessions[0] as FakeSession).run = () => Promise.reject(new Error("refused"));
    await expect(replica.run(call(9))).rejects.toThrow("refused");
    await world.clock.turn();
    expect(replica.roomForRows()).toBe(9);
  });

  it("closes when what is under way has been answered, once, and takes nothing new", async () => {
    const world = createWorld();
    const replica = world.replicas[0] as InlineReplica;
    const answer = replica.run(call(2));
    const closed = replica.close();
    replica.destroy("was ended");
    expect(replica.roomForRows()).toBe(0);
    void replica.run(call(1));
    expect(world.host.calls).toHaveLength(1);
    expect(world.sessions[0]?.released).toBe(false);
    await world.clock.turn();
    await answer;
    await closed;
    expect(world.sessions[0]?.released).toBe(true);
    expect(world.closed).toBe(1);
    expect(await replica.exited).toBe("was closed");
  });
});
