import { Duplex } from "node:stream";
import { createEvents, type Events } from "../src/core/events.ts";
import type { HostEndpoint } from "../src/core/executor.ts";
import type { Payload } from "../src/core/inference.ts";
import type { ModelSpec } from "../src/core/model.ts";
import type { Replica, ReplicaResult } from "../src/core/replica.ts";
import { createMemoryLedger, type LoaderSteps, Manager, ModelVersion } from "../src/models/index.ts";
import { Scheduler } from "../src/scheduler/index.ts";
import type { FakeClock } from "./fake-clock.ts";

/** A replica that is there until a test kills it; it answers each call with its own input. */
class InstantReplica implements Replica {
  readonly credit = 1;
  readonly id: string;
  readonly description = { methods: {}, framework: "fake", frameworkVersion: "0", warnings: [] };
  readonly exited: Promise<string>;
  readonly #end: () => void;

  constructor(id: string, exited: Promise<string>, end: () => void) {
    this.id = id;
    this.exited = exited;
    this.#end = end;
  }

  run({ payload }: { payload: Payload }): Promise<ReplicaResult> {
    return Promise.resolve({ payload, computeMs: 0 });
  }

  // biome-ignore lint/correctness/useYield: these tests stream nothing
  async *stream(): AsyncGenerator<Payload, void, undefined> {
    throw new Error("this fake does not stream");
  }

  close(): Promise<void> {
    this.#end();
    return Promise.resolve();
  }

  destroy(): void {
    this.#end();
  }
}

/**
 * Hosts whose loads succeed, fail or wait as a test says, by the model's file: real processes cannot be made to fail at a
 * chosen moment. Everything above them, from the manager on, is real.
 */
export class FakeHosts {
  /** What the loads of a file throw, one after the other; a file without an entry loads. */
  readonly failures = new Map<string, Error[]>();
  /** Loads of these files wait until they are taken out and `release` is called. */
  readonly held = new Set<string>();
  /** Files in the order in which their loads began. */
  readonly loads: string[] = [];
  readonly running = new Map<string, { kill(how: string): void }>();
  readonly events: Events = createEvents();
  readonly manager: Manager;
  readonly #clock: FakeClock;
  #released: Array<() => void> = [];
  #nextPid = 1;

  constructor(clock: FakeClock, memory = Number.MAX_SAFE_INTEGER) {
    this.#clock = clock;
    this.manager = new Manager({
      clock,
      steps: this.#steps(),
      ledger: createMemoryLedger(memory),
      concurrentLoads: 4,
      modelsPerHost: () => 1,
      measure: () => Promise.resolve(0),
    });
  }

  readonly createModel = (spec: ModelSpec): ModelVersion => {
    const queueLimits = { maxRequests: 10, maxBytes: 1e6, maxStreams: 1 };
    const options = { clock: this.#clock, queueLimits, batchLimits: { maxRows: 1, maxBytes: 1e6 }, onBatch: () => undefined };
    return new ModelVersion(spec, new Scheduler(options), this.events);
  };

  release(file: string): void {
    this.held.delete(file);
    const waiting = this.#released;
    this.#released = [];
    for (const wake of waiting) wake();
  }

  #steps(): LoaderSteps {
    return {
      prepare: async (spec) => ({ host: { name: spec.name, command: "fake", arguments: [], environment: {} }, warnings: [] }),
      start: (host) => {
        let end: (how: string) => void = () => undefined;
        const exited = new Promise<string>((resolve) => {
          end = resolve;
        });
        const endpoint: HostEndpoint = {
          name: host.name,
          pid: this.#nextPid++,
          connection: new Duplex(),
          exited,
          logTail: () => ["last words"],
          stop: async () => end("ended"),
        };
        return Object.assign(endpoint, { kill: end });
      },
      connect: async () => ({
        warm: async (endpoint, spec, _report, signal) => {
          this.loads.push(spec.file);
          while (this.held.has(spec.file) && !signal.aborted) {
            await new Promise<void>((resolve) => {
              this.#released.push(resolve);
              signal.addEventListener("abort", () => resolve(), { once: true });
            });
          }
          signal.throwIfAborted();
          const failure = this.failures.get(spec.file)?.shift();
          if (failure !== undefined) throw failure;
          const kill = (endpoint as HostEndpoint & { kill(how: string): void }).kill;
          this.running.set(spec.file, { kill });
          return new InstantReplica(spec.file, endpoint.exited, () => {
            this.running.delete(spec.file);
            kill("ended");
          });
        },
      }),
    };
  }
}

export function modelSpec(name: string, file: string, version = "1"): ModelSpec {
  return { namespace: "default", name, version, format: "onnx", file, directory: "/models", bytes: 1 };
}
