import { describe, expect, it } from "vitest";
import { FakeClock, settle } from "../../test/fake-clock.ts";
import { modelSpec } from "../../test/fake-hosts.ts";
import { FakeReplica } from "../../test/fake-replica.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import { createEvents } from "../core/events.ts";
import type { ModelSpec } from "../core/model.ts";
import type { ReplicaCall, ReplicaResult } from "../core/replica.ts";
import { Scheduler } from "../scheduler/index.ts";
import { type Attendance, InlinePromotion } from "./inline-promotion.ts";
import { ModelVersion } from "./model-version.ts";

const CALL: ReplicaCall = {
  method: "predict",
  payload: { kind: "tensors", tensors: [{ name: "x", datatype: "UINT8", shape: [1], data: Uint8Array.of(1) }] },
};

class FakeInline extends FakeReplica {
  costOfOneRow = 0.01;
  runs = 0;
  closed = false;
  readonly roomForRows = (): number => 100;

  override async run({ payload }: ReplicaCall): Promise<ReplicaResult> {
    this.runs++;
    return { payload, computeMs: 0.01 };
  }

  override async close(): Promise<void> {
    this.closed = true;
  }
}

/** A host that answers at once, and says what that took. */
class QuickHost extends FakeReplica {
  computeMs = 0.05;
  answers = 0;

  override async run({ payload }: ReplicaCall): Promise<ReplicaResult> {
    this.answers++;
    return { payload, computeMs: this.computeMs };
  }
}

class World {
  readonly clock = new FakeClock();
  readonly opened = new Map<string, FakeInline>();
  readonly samples: Array<ReplicaCall | undefined> = [];
  readonly changes: string[] = [];
  load = 0;
  looks = 0;
  refuse: Error | undefined;
  hold: Promise<void> | undefined;
  readonly promotion = new InlinePromotion({
    clock: this.clock,
    load: () => {
      this.looks++;
      return this.load;
    },
    onChange: ({ name }, inline, reason) => this.changes.push(`${name} ${inline ? "in" : "out"}: ${reason}`),
    runs: {
      suits: ({ format }) => format === "onnx",
      prepare: async () => undefined,
      open: async (spec, _host, sample) => {
        this.samples.push(sample);
        await this.hold;
        if (this.refuse !== undefined) throw this.refuse;
        const inline = new FakeInline();
        this.opened.set(spec.name, inline);
        return inline;
      },
    },
  });

  async serve(name: string, change: Partial<ModelSpec> = {}): Promise<Served> {
    const queueLimits = { maxRequests: 1000, maxBytes: 1e6, maxStreams: 1 };
    const scheduler = new Scheduler({ clock: this.clock, queueLimits, batchLimits: { maxRows: 8, maxBytes: 1e6 } });
    const model = new ModelVersion({ ...modelSpec(name, name), ...change }, () => scheduler, createEvents());
    const host = new QuickHost();
    await this.promotion.prepare(model.spec, host.description);
    const attendance = this.promotion.attend(model, host);
    scheduler.add(attendance?.replica ?? host);
    return { model, host, attendance };
  }

  async ask({ model }: Served, times: number): Promise<void> {
    for (let time = 0; time < times; time++) {
      const context = new RequestContext({ deadline: 1e9, record: createRecord("test", "", 0) });
      const answer = model.scheduler.run(CALL, {}, context);
      await this.clock.turn();
      await answer;
    }
  }

  /** Answers enough for a model to be believed, and the next look. */
  async prove(served: Served): Promise<void> {
    await this.ask(served, 50);
    await this.clock.advance(250);
    await settle();
  }
}

interface Served {
  readonly model: ModelVersion;
  readonly host: QuickHost;
  readonly attendance: Attendance | undefined;
}

describe("a tiny model", () => {
  it("is answered inline after fifty answers of its host, from the next look on", async () => {
    const world = new World();
    const served = await world.serve("iris");
    await world.ask(served, 49);
    await world.clock.advance(10_000);
    expect(world.opened.size).toBe(0);
    await world.ask(served, 1);
    expect(served.model.inline).toBe(false);
    await world.clock.advance(250);
    expect(served.model.inline).toBe(true);
    expect(served.model.status(true).inline).toBe(true);
    expect(world.samples).toEqual([CALL]);
    await world.ask(served, 3);
    expect(world.opened.get("iris")?.runs).toBe(3);
    expect(served.host.answers).toBe(50);
  });

  it("stays in its host as long as a row costs too much there", async () => {
    const world = new World();
    const served = await world.serve("wine");
    served.host.computeMs = 0.4;
    await world.ask(served, 200);
    await world.clock.advance(1_000);
    expect(world.opened.size).toBe(0);
    served.host.computeMs = 0.1;
    await world.ask(served, 50);
    await world.clock.advance(1_000);
    expect(served.model.inline).toBe(true);
  });

  it("is not kept out by answers that the system interrupted", async () => {
    const world = new World();
    const served = await world.serve("iris");
    for (let time = 0; time < 10; time++) {
      served.host.computeMs = 30;
      await world.ask(served, 1);
      served.host.computeMs = 0.05;
      await world.ask(served, 9);
    }
    await world.clock.advance(250);
    expect(served.model.inline).toBe(true);
  });

  it("waits for a quiet moment: of the process, and of its own queue", async () => {
    const world = new World();
    const served = await world.serve("iris");
    world.load = 0.9;
    await world.prove(served);
    expect(world.opened.size).toBe(0);
    world.load = 0.1;
    const context = new RequestContext({ deadline: 1e9, record: createRecord("test", "", 0) });
    const waiting = served.model.scheduler.run(CALL, {}, context);
    await world.clock.advance(250);
    expect(world.opened.size).toBe(0);
    await world.clock.turn();
    await waiting;
    await world.clock.advance(250);
    expect(served.model.inline).toBe(true);
  });

  it("stays in its host when the proof fails, and is not tried again", async () => {
    const world = new World();
    const served = await world.serve("iris");
    world.refuse = new Error("its answers differ");
    await world.prove(served);
    await world.prove(served);
    expect(world.samples).toHaveLength(1);
    expect(world.changes).toEqual(["iris out: its answers differ"]);
    expect(served.model.inline).toBe(false);
    expect(served.model.status(true).notInline).toBe("its answers differ");
  });

  it("goes back to its host when it has become slow, and must prove itself for twice as long", async () => {
    const world = new World();
    const served = await world.serve("iris");
    await world.prove(served);
    const inline = world.opened.get("iris") as FakeInline;
    inline.costOfOneRow = 1.5;
    world.load = 0.9;
    await world.clock.advance(2_000);
    expect(inline.closed).toBe(false);
    world.load = 0;
    await world.clock.advance(2_000);
    expect(inline.closed).toBe(true);
    expect(served.model.inline).toBe(false);
    await world.prove(served);
    expect(served.host.answers).toBe(100);
    expect(served.model.inline).toBe(false);
    await world.prove(served);
    expect(served.model.inline).toBe(true);
  });

  it("is closed with its host, also when it was just being opened", async () => {
    const world = new World();
    const [first, second] = [await world.serve("iris"), await world.serve("wine")];
    await world.prove(first);
    await first.attendance?.end();
    expect(world.opened.get("iris")?.closed).toBe(true);
    expect(first.model.inline).toBe(false);
    let open = (): void => undefined;
    world.hold = new Promise((resolve) => {
      open = resolve;
    });
    await world.prove(second);
    const ended = second.attendance?.end();
    open();
    await ended;
    expect(world.opened.get("wine")?.closed).toBe(true);
    expect(second.model.inline).toBe(false);
    expect(world.changes.filter((change) => change.startsWith("wine in"))).toEqual([]);
    const looks = world.looks;
    await world.clock.advance(10_000);
    expect(world.looks).toBe(looks);
  });

  it("is opened alone, one in each look", async () => {
    const world = new World();
    const served = [await world.serve("a"), await world.serve("b"), await world.serve("c")];
    for (const each of served) await world.ask(each, 50);
    for (const count of [1, 2, 3]) {
      await world.clock.advance(250);
      expect(world.opened.size).toBe(count);
    }
  });

  it("takes the place of one that nobody has asked for a minute, and of no other", async () => {
    const world = new World();
    const bytes = 24 * 1024 * 1024;
    const [a, b, c] = [await world.serve("a", { bytes }), await world.serve("b", { bytes }), await world.serve("c", { bytes })];
    await world.prove(a);
    await world.prove(b);
    await world.prove(c);
    expect([...world.opened.keys()]).toEqual(["a", "b"]);
    await world.clock.advance(50_000);
    await world.ask(a, 1);
    await world.clock.advance(250);
    await world.clock.advance(20_000);
    await world.clock.advance(250);
    await world.clock.advance(250);
    expect(b.model.inline).toBe(false);
    expect(a.model.inline).toBe(true);
    expect(c.model.inline).toBe(true);
  });

  it("of another format is left alone", async () => {
    const world = new World();
    expect((await world.serve("iris", { format: "sklearn" })).attendance).toBeUndefined();
  });
});
