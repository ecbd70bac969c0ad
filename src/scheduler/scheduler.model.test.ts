import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FakeClock, settle } from "../../test/fake-clock.ts";
import { FakeReplica } from "../../test/fake-replica.ts";
import type { Cancellation } from "../core/cancellation.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import { ServeError } from "../core/errors.ts";
import type { Payload } from "../core/inference.ts";
import { type ReplicaCall, ReplicaLostError, type ReplicaResult } from "../core/replica.ts";
import type { Priority, SchedulingSpec } from "../core/scheduling.ts";
import { bytesOf, elementsOf, type NumericTensor } from "../core/tensor.ts";
import { ExecutionResources } from "./execution-limits.ts";
import { Scheduler } from "./scheduler.ts";

const GPUS = 2;
const MODELS = 2;
const MAX_ROWS = 6;
const MAX_BYTES = 64;
const QUEUE = { maxRequests: 12, maxBytes: 600, maxStreams: 2 };
const LOST = "the model's host process ended";

type Way = "shared" | "alone" | "sequence";

type Operation =
  | {
      readonly kind: "submit";
      readonly model: number;
      readonly way: Way;
      readonly rows: number;
      readonly key: number;
      readonly principal: number;
      readonly priority: Priority;
      readonly timeout: number;
    }
  | { readonly kind: "cancel"; readonly which: number }
  | { readonly kind: "turn" }
  | { readonly kind: "advance"; readonly milliseconds: number }
  | { readonly kind: "end"; readonly which: number; readonly how: "answer" | "error" | "nonsense" }
  | { readonly kind: "die"; readonly which: number; readonly alone: boolean; readonly noticed: boolean }
  | { readonly kind: "remove"; readonly which: number }
  | { readonly kind: "add"; readonly model: number; readonly credit: number; readonly room: number | undefined }
  | { readonly kind: "stream"; readonly model: number; readonly timeout: number }
  | { readonly kind: "chunk" | "leave"; readonly which: number }
  | { readonly kind: "reject" | "close" | "destroy"; readonly model: number };

/** One request, and what the replicas have seen of it. */
interface Sent {
  readonly id: number;
  readonly operation: Extract<Operation, { kind: "submit" }>;
  readonly context: RequestContext;
  outcome: "open" | "OK" | "failed";
  /** Calls that have it under way. */
  under: number;
  /** Order in which it was first given to a replica. */
  started: number | undefined;
  replica: string | undefined;
}

interface Model {
  readonly scheduler: Scheduler;
  readonly rules: SchedulingSpec;
  readonly replicas: Worker[];
  closed: boolean;
  stopped: boolean;
}

interface Stream {
  readonly answers: AsyncGenerator<Payload, void, undefined>;
  readonly context: RequestContext;
}

/** A replica that checks what it is given. */
class Worker extends FakeReplica {
  override readonly id: string;
  readonly model: Model;
  readonly world: World;
  readonly roomForRows?: () => number;
  remove: () => void = () => undefined;
  /** Its scheduler knows that it is dead or taken out. */
  gone = false;
  #dead: ReplicaLostError | undefined;
  #chunk: (() => void) | undefined;

  constructor(world: World, model: Model, credit: number, room: number | undefined) {
    super(credit);
    this.world = world;
    this.model = model;
    this.id = `worker-${world.workers++}`;
    if (room !== undefined) this.roomForRows = () => room;
  }

  override run(call: ReplicaCall, signal?: Cancellation): Promise<ReplicaResult> {
    this.world.check(this, call);
    const answer = super.run(call, signal);
    if (this.calls.length > this.credit) this.world.faults.push(`${this.id} has ${this.calls.length} calls`);
    if (this.#dead !== undefined) this.die(this.#dead);
    return answer;
  }

  override async *stream(_call?: ReplicaCall, signal?: AbortSignal): AsyncGenerator<Payload, void, undefined> {
    for (;;) {
      await new Promise<void>((resolve) => {
        this.#chunk = resolve;
        signal?.addEventListener("abort", () => resolve());
      });
      if (signal?.aborted === true) throw signal.reason;
      if (this.#dead !== undefined) throw this.#dead;
      yield { kind: "json", value: 1 };
    }
  }

  sendChunk(): void {
    this.#chunk?.();
  }

  end(index: number, how: "answer" | "error" | "nonsense" | ReplicaLostError): void {
    const [pending] = this.calls.splice(index, 1);
    if (pending === undefined) return;
    for (const id of idsOf(pending.call)) (this.world.sent[id] as Sent).under--;
    if (how === "answer") pending.resolve({ payload: pending.call.payload, computeMs: 1 });
    else if (how === "nonsense") pending.resolve({ payload: callOf([0], 99).payload, computeMs: 1 });
    else pending.reject(how === "error" ? new ServeError("INTERNAL", "the model failed") : how);
  }

  die(how: ReplicaLostError): void {
    this.#dead = how;
    if (this.calls.length > 0) {
      void settle().then(() => {
        this.gone = true;
      });
    }
    while (this.calls.length > 0) this.end(0, how);
    this.sendChunk();
  }

  takeOut(): void {
    this.gone = true;
    this.remove();
  }
}

/** Schedulers that share named resources, and all that was asked of them. */
class World {
  readonly clock = new FakeClock();
  readonly resources = new ExecutionResources({ gpu: GPUS }, () => this.clock.now());
  readonly models: Model[];
  readonly sent: Sent[] = [];
  readonly streams: Stream[] = [];
  readonly faults: string[] = [];
  workers = 0;
  #starts = 0;

  constructor(rules: readonly SchedulingSpec[]) {
    this.models = rules.map((each) => ({
      scheduler: new Scheduler({
        clock: this.clock,
        rules: each,
        resources: this.resources,
        queueLimits: QUEUE,
        batchLimits: {
          maxRows: MAX_ROWS,
          maxBytes: MAX_BYTES,
          ...(each.preferredBatchRows === undefined ? {} : { preferredRows: each.preferredBatchRows }),
          ...(each.maxBatchLatencyMs === undefined ? {} : { maxAddedMs: each.maxBatchLatencyMs }),
        },
      }),
      rules: each,
      replicas: [],
      closed: false,
      stopped: false,
    }));
    for (const model of this.models) this.add(model, 1, undefined);
  }

  add(model: Model, credit: number, room: number | undefined): void {
    const worker = new Worker(this, model, credit, room);
    worker.remove = model.scheduler.add(worker);
    model.replicas.push(worker);
  }

  /** What one call may be. */
  check(worker: Worker, call: ReplicaCall): void {
    const { model } = worker;
    const entries = idsOf(call).map((id) => this.sent[id] as Sent);
    const [first] = entries;
    const fault = (text: string): void => {
      this.faults.push(`${text}: ${entries.map(({ id }) => id)}`);
    };
    if (worker.gone) fault(`${worker.id} is gone and was given`);
    const rows = entries.reduce((sum, { operation }) => sum + operation.rows, 0);
    if (entries.length > 1 && (rows > MAX_ROWS || rows * 8 > MAX_BYTES)) fault("too large a batch");
    if (worker.roomForRows !== undefined && first?.operation.way === "shared" && rows > worker.roomForRows())
      fault("more than there is room for");
    for (const entry of entries) {
      const { operation } = entry;
      if (this.models[operation.model] !== model) fault("another model's request");
      if (entry.outcome !== "open" && entry.under === 0) fault("given to a replica after its end");
      if (entry.under > 0 && model.rules.idempotent !== true) fault("carried out twice at once");
      if (entries.length > 1 && (operation.way !== "shared" || operation.key !== first?.operation.key)) fault("shares what it must not");
      entry.under++;
      if (entry.started !== undefined) continue;
      entry.started = this.#starts++;
      entry.replica = worker.id;
    }
  }

  submit(operation: Extract<Operation, { kind: "submit" }>): void {
    const { model, way, rows, key, principal, priority, timeout } = operation;
    const { clock } = this;
    const context = new RequestContext({ deadline: clock.now() + timeout, record: createRecord("test", "m", clock.now()) });
    context.principal = String(principal);
    context.priority = priority;
    const entry: Sent = { id: this.sent.length, operation, context, outcome: "open", under: 0, started: undefined, replica: undefined };
    this.sent.push(entry);
    const parameters = way === "sequence" ? { sequence_id: key + 1, sequence_start: true } : { scale: key };
    const signature = way === "sequence" ? { stateful: true } : { batchable: way === "shared" };
    const settled = (outcome: "OK" | "failed"): void => {
      if (entry.outcome !== "open") this.faults.push(`${entry.id} has ended twice`);
      entry.outcome = outcome;
    };
    try {
      const values = Array.from({ length: rows }, () => entry.id);
      const answer = (this.models[model] as Model).scheduler.run(callOf(values, undefined, parameters), signature, context);
      void answer.then(
        (result) => {
          if (String(valuesOf(result.payload)) !== String(values) && valuesOf(result.payload)[0] !== 0)
            this.faults.push(`${entry.id} has the answer of another`);
          settled("OK");
        },
        () => settled("failed"),
      );
    } catch (error) {
      if (!(error instanceof ServeError)) throw error;
      settled("failed");
    }
  }

  openStream(model: Model, timeout: number): void {
    const context = new RequestContext({
      deadline: this.clock.now() + timeout,
      record: createRecord("test", "m", this.clock.now()),
    });
    const answers = model.scheduler.stream(callOf([0]), context);
    this.streams.push({ answers, context });
    void answers.next().catch(() => undefined);
  }

  close(model: Model): void {
    model.stopped = true;
    void model.scheduler.close().then(() => {
      model.closed = true;
    });
  }

  get live(): Worker[] {
    return this.models.flatMap(({ replicas }) => replicas);
  }

  /** What must hold after every step. */
  verify(): void {
    expect(this.faults).toEqual([]);
    let held = 0;
    for (const { model, calls } of this.live) held += calls.length * (model.rules.resources?.gpu ?? 0);
    expect(this.resources.free).toEqual({ gpu: GPUS - held });
    for (const { scheduler } of this.models) expect(scheduler.queued).toBeGreaterThanOrEqual(0);
  }

  /** Of two alike, the later one never goes first if it is no easier to serve. */
  verifyOrder(): void {
    for (const [index, later] of this.sent.entries()) {
      for (const earlier of this.sent.slice(0, index)) {
        if (earlier.started === undefined || later.started === undefined || earlier.started <= later.started) continue;
        const [one, other] = [earlier.operation, later.operation];
        const alike =
          one.model === other.model &&
          one.way === other.way &&
          one.key === other.key &&
          one.principal === other.principal &&
          one.priority === other.priority &&
          one.rows <= other.rows &&
          earlier.context.deadline >= later.context.deadline &&
          (one.way !== "sequence" || earlier.replica === later.replica);
        if (alike) this.faults.push(`${later.id} went before ${earlier.id}`);
      }
    }
    expect(this.faults).toEqual([]);
  }

  async apply(operation: Operation): Promise<void> {
    const { live } = this;
    const pick = <Item>(items: readonly Item[], which: number): Item | undefined => items[which % Math.max(1, items.length)];
    switch (operation.kind) {
      case "submit":
        return this.submit(operation);
      case "cancel":
        return pick(
          this.sent.filter(({ outcome }) => outcome === "open"),
          operation.which,
        )?.context.abort(new ServeError("CANCELLED", "the client went away"));
      case "turn":
        return this.clock.turn();
      case "advance":
        return this.clock.advance(operation.milliseconds);
      case "end":
        return pick(
          live.filter(({ calls }) => calls.length > 0),
          operation.which,
        )?.end(operation.which % 2, operation.how);
      case "die": {
        const worker = pick(live, operation.which);
        worker?.die(new ReplicaLostError(LOST, operation.alone));
        if (operation.noticed) worker?.takeOut();
        return;
      }
      case "remove":
        return pick(live, operation.which)?.takeOut();
      case "add":
        return this.add(this.models[operation.model] as Model, operation.credit, operation.room);
      case "stream":
        return this.openStream(this.models[operation.model] as Model, operation.timeout);
      case "chunk":
        return pick(live, operation.which)?.sendChunk();
      case "leave":
        return void pick(this.streams, operation.which)
          ?.answers.return()
          .catch(() => undefined);
      case "reject":
        return this.models[operation.model]?.scheduler.rejectWaiting(new ServeError("UNAVAILABLE", "the model failed"));
      case "close":
        return this.close(this.models[operation.model] as Model);
      case "destroy":
        return this.models[operation.model]?.scheduler.destroy(new ServeError("UNAVAILABLE", "shutting down"));
    }
  }

  /** So many calls that the first model knows what is slow, and has a hedge to spend. */
  async learn(): Promise<void> {
    for (let count = 0; count < 45; count++) {
      this.submit({ kind: "submit", model: 0, way: "alone", rows: 1, key: 0, principal: 0, priority: 3, timeout: 100_000 });
      await this.clock.turn();
      await this.clock.advance(1);
      this.live[0]?.end(0, "answer");
      await settle();
    }
  }

  /** All who still wait are answered, by a replica that is always there. */
  async finish(): Promise<void> {
    for (const model of this.models) {
      this.add(model, 1, undefined);
      this.close(model);
    }
    for (const { context, answers } of this.streams) {
      context.abort(new ServeError("CANCELLED", "the client went away"));
      void answers.return().catch(() => undefined);
    }
    for (let round = 0; round < 40; round++) {
      for (const worker of this.live) {
        worker.sendChunk();
        while (worker.calls.length > 0) worker.end(0, "answer");
      }
      await this.clock.turn();
      await this.clock.advance(5);
    }
  }
}

function callOf(values: readonly number[], rows = values.length, parameters?: ReplicaCall["parameters"]): ReplicaCall {
  const data = bytesOf(Float64Array.from({ length: rows }, (_, index) => values[index] ?? 0));
  const payload = { kind: "tensors", tensors: [{ name: "x", datatype: "FP64", shape: [rows, 1], data }] } as const;
  return { method: "predict", payload, ...(parameters === undefined ? {} : { parameters }) };
}

function valuesOf(payload: Payload): number[] {
  return payload.kind === "tensors" ? Array.from(elementsOf(payload.tensors[0] as NumericTensor) as Float64Array) : [];
}

/** Each row says whose it is. */
function idsOf(call: ReplicaCall): number[] {
  return [...new Set(valuesOf(call.payload))];
}

const index = fc.nat({ max: 30 });
const model = fc.nat({ max: MODELS - 1 });
const timeout = fc.oneof(fc.integer({ min: 0, max: 60 }), fc.constant(100_000));

const submit = fc.record({
  kind: fc.constant("submit" as const),
  model,
  way: fc.constantFrom<Way>("shared", "shared", "shared", "alone", "sequence"),
  rows: fc.integer({ min: 1, max: MAX_ROWS + 2 }),
  key: fc.nat({ max: 2 }),
  principal: fc.nat({ max: 2 }),
  priority: fc.constantFrom<Priority>(1, 3, 5),
  timeout,
});

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 12, arbitrary: submit },
  { weight: 8, arbitrary: fc.constant({ kind: "turn" as const }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("advance" as const), milliseconds: fc.integer({ min: 0, max: 40 }) }) },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant("end" as const),
      which: index,
      how: fc.constantFrom("answer" as const, "answer" as const, "answer" as const, "error" as const, "nonsense" as const),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("cancel" as const), which: index }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("die" as const), which: index, alone: fc.boolean(), noticed: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("remove" as const), which: index }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("add" as const),
      model,
      credit: fc.integer({ min: 1, max: 3 }),
      room: fc.constantFrom(undefined, undefined, 0, 2),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("stream" as const), model, timeout }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("chunk" as const, "leave" as const), which: index }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom("reject" as const, "reject" as const, "close" as const, "destroy" as const), model }),
  },
);

const rules: fc.Arbitrary<SchedulingSpec> = fc.record(
  {
    resources: fc.record({ gpu: fc.integer({ min: 1, max: GPUS }) }),
    preferredBatchRows: fc.constant([2, 4]),
    maxBatchLatencyMs: fc.constant(10),
    retry: fc.boolean(),
  },
  { requiredKeys: [] },
);

const hedged = fc.constant<SchedulingSpec>({ idempotent: true, hedgePercentile: 0.01 });

describe("scheduler, whatever happens", () => {
  it("answers each request once, keeps to the bounds and gives everything back", { timeout: 30_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(fc.oneof({ weight: 3, arbitrary: rules }, { weight: 1, arbitrary: hedged }), rules),
        fc.array(operation, { maxLength: 120 }),
        async (each, operations) => {
          const world = new World(each);
          if (each[0].idempotent === true) await world.learn();
          for (const next of operations) {
            await world.apply(next);
            await settle();
            world.verify();
          }
          await world.finish();
          world.verify();
          world.verifyOrder();
          expect(world.sent.filter(({ outcome }) => outcome === "open")).toEqual([]);
          expect(world.models.map(({ closed }) => closed)).toEqual([true, true]);
          expect(world.clock.timers).toBe(0);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
