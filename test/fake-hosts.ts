import { Duplex } from "node:stream";
import { ServeError } from "../src/core/errors.ts";
import { createEvents, type Events } from "../src/core/events.ts";
import type { Payload } from "../src/core/inference.ts";
import type { ModelSpec } from "../src/core/model.ts";
import { type ModelDescription, type Replica, ReplicaLostError, type ReplicaResult } from "../src/core/replica.ts";
import type { Signature } from "../src/core/signature.ts";
import {
  deviceAccount,
  type EvictionPolicyName,
  Ledger,
  type LoaderSteps,
  Manager,
  MEMORY,
  Measurements,
  MODELS,
  ModelVersion,
} from "../src/models/index.ts";
import { Scheduler } from "../src/scheduler/index.ts";
import type { FakeClock } from "./fake-clock.ts";

/** Milliseconds. */
export const LOAD_TIMEOUT = 100_000;

/** What the fake hosts are told of the machine besides its memory. */
export interface FakeMachine {
  readonly models?: number;
  readonly policy?: EvictionPolicyName;
  /** Bytes of each GPU, which all may be used. */
  readonly devices?: readonly number[];
  readonly outgrowFactor?: number;
}

/** A replica that is there until a test kills it; it answers each call with its own input. */
class InstantReplica implements Replica {
  readonly credit = 1;
  readonly id: string;
  readonly description: ModelDescription;
  readonly lost: Promise<void>;
  readonly exited: Promise<string>;
  readonly #file: string;
  readonly #stuck: ReadonlySet<string>;
  readonly #waits: ReadonlyMap<string, Promise<void>>;
  readonly #end: (how?: string) => Promise<void>;

  disconnect: () => void = () => undefined;

  constructor(
    file: string,
    pid: number,
    { methods, stuck, waits }: Pick<FakeHosts, "methods" | "stuck" | "waits">,
    exited: Promise<string>,
    end: (how?: string) => Promise<void>,
  ) {
    this.id = `${file}#${pid}`;
    this.description = { methods, framework: "fake", frameworkVersion: "0", warnings: [] };
    this.#file = file;
    this.#stuck = stuck;
    this.#waits = waits;
    this.lost = new Promise((resolve) => {
      this.disconnect = resolve;
    });
    void exited.then(() => this.disconnect());
    this.exited = exited;
    this.#end = end;
  }

  async run({ payload }: { payload: Payload }): Promise<ReplicaResult> {
    if (this.#stuck.has(this.#file)) throw new ReplicaLostError(`its host ${await this.exited}`, true);
    await this.#waits.get(this.#file);
    return { payload, computeMs: 0 };
  }

  // biome-ignore lint/correctness/useYield: these tests stream nothing
  async *stream(): AsyncGenerator<Payload, void, undefined> {
    throw new Error("this fake does not stream");
  }

  close(): Promise<void> {
    return this.#end();
  }

  destroy(how: string): void {
    void this.#end(how);
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
  /** Models of these files answer nothing as long as their processes run. */
  readonly stuck = new Set<string>();
  /** Models of these files answer when this has settled. */
  readonly waits = new Map<string, Promise<void>>();
  /** Loads of these files end their process. */
  readonly crashing = new Set<string>();
  /** Replicas that answer, by their file; of two of the same file the later one. */
  readonly running = new Map<string, { readonly pid: number; kill(how: string): void; disconnect(): void }>();
  /** Bytes that processes use, by their number. */
  readonly memory = new Map<number, number>();
  /** What every model can be asked. */
  readonly methods: Record<string, Signature> = {};
  /** Bytes that processes use of devices, by their number and that of the device. */
  readonly deviceMemory = new Map<number, ReadonlyMap<number, number>>();
  /** What each process was started with, by its number. */
  readonly environments = new Map<number, Readonly<Record<string, string>>>();
  /** Processes that have not ended, by their number. */
  readonly processes = new Map<number, (how: string) => void>();
  readonly events: Events = createEvents();
  readonly manager: Manager;
  /** What the manager has reserved is in here. */
  readonly ledger: Ledger;
  readonly #clock: FakeClock;
  readonly #places: number;
  #released: Array<() => void> = [];
  #nextPid = 1;

  constructor(
    clock: FakeClock,
    memory = Number.MAX_SAFE_INTEGER,
    places = 1,
    maxHostMemory?: number,
    { models = Number.MAX_SAFE_INTEGER, policy = "cost", devices = [], outgrowFactor }: FakeMachine = {},
  ) {
    this.#clock = clock;
    this.#places = places;
    const found = devices.map((bytes, index) => ({ index, uuid: `GPU-${index}`, name: "Fake", totalBytes: bytes, usedBytes: 0 }));
    const budgets = Object.fromEntries(devices.map((bytes, index) => [deviceAccount(index), bytes]));
    this.ledger = new Ledger({ [MEMORY]: memory, [MODELS]: models, ...budgets });
    this.manager = new Manager({
      clock,
      steps: this.steps(),
      ledger: this.ledger,
      evictionPolicy: policy,
      events: this.events,
      measurements: new Measurements(),
      concurrentLoads: 4,
      modelsPerHost: () => places,
      measure: (pid) => Promise.resolve(this.memory.get(pid) ?? 0),
      measureDevices: (pid) => Promise.resolve(this.deviceMemory.get(pid) ?? new Map()),
      devices: { devices: found, sees: () => true },
      loadTimeoutMs: LOAD_TIMEOUT,
      ...(maxHostMemory === undefined ? {} : { maxHostMemory }),
      ...(outgrowFactor === undefined ? {} : { outgrowFactor }),
    });
  }

  readonly createModel = (spec: ModelSpec): ModelVersion => {
    const queueLimits = { maxRequests: 10, maxBytes: 1e6, maxStreams: 1 };
    const options = { clock: this.#clock, queueLimits, batchLimits: { maxRows: 1, maxBytes: 1e6 }, onBatch: () => undefined };
    return new ModelVersion(spec, () => new Scheduler(options), this.events);
  };

  release(file: string): void {
    this.held.delete(file);
    const waiting = this.#released;
    this.#released = [];
    for (const wake of waiting) wake();
  }

  steps(): LoaderSteps {
    return {
      prepare: async (spec) => ({
        host: { name: spec.name, command: "fake", arguments: [], environment: {} },
        warnings: [],
        ...(this.#places > 1 ? { sharing: { key: spec.format, places: this.#places } } : {}),
      }),
      start: (host) => {
        let end: (how: string) => void = () => undefined;
        const exited = new Promise<string>((resolve) => {
          end = resolve;
        });
        const pid = this.#nextPid++;
        this.processes.set(pid, end);
        this.environments.set(pid, host.environment);
        void exited.then(() => this.processes.delete(pid));
        return {
          name: host.name,
          pid,
          connection: new Duplex(),
          exited,
          logTail: () => ["last words"],
          stop: async () => end("ended"),
        };
      },
      connect: async () => ({
        warm: async (endpoint, spec, _report, signal) => {
          this.loads.push(spec.file);
          const kill = this.processes.get(endpoint.pid) ?? (() => undefined);
          if (this.crashing.has(spec.file)) kill("was killed by SIGSEGV");
          while (this.held.has(spec.file) && !signal.aborted && this.processes.has(endpoint.pid)) {
            await new Promise<void>((resolve) => {
              this.#released.push(resolve);
              signal.addEventListener("abort", () => resolve(), { once: true });
              void endpoint.exited.then(() => resolve());
            });
          }
          signal.throwIfAborted();
          await Promise.resolve();
          if (!this.processes.has(endpoint.pid)) throw new ServeError("ABORTED", `its host ${await endpoint.exited} while it loaded`);
          const failure = this.failures.get(spec.file)?.shift();
          if (failure !== undefined) throw failure;
          const gone = (): void => {
            if (this.running.get(spec.file) === entry) this.running.delete(spec.file);
          };
          const replica = new InstantReplica(spec.file, endpoint.pid, this, endpoint.exited, async (how) => {
            gone();
            if (how !== undefined) kill(how);
            await endpoint.stop(0);
          });
          const entry = { pid: endpoint.pid, kill, disconnect: () => replica.disconnect() };
          this.running.set(spec.file, entry);
          void endpoint.exited.then(gone);
          return replica;
        },
      }),
    };
  }
}

export function modelSpec(name: string, file: string, version = "1"): ModelSpec {
  return { namespace: "default", name, version, format: "onnx", file, directory: "/models", bytes: 1 };
}
