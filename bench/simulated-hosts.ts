import { Duplex } from "node:stream";
import { createEvents } from "../src/core/events.ts";
import type { ModelSpec } from "../src/core/model.ts";
import type { Replica } from "../src/core/replica.ts";
import { type EvictionPolicyName, Ledger, type LoaderSteps, Manager, MEMORY, Measurements, ModelVersion } from "../src/models/index.ts";
import { Scheduler } from "../src/scheduler/index.ts";
import type { SimulatedClock } from "./simulated-clock.ts";

/** A model whose host is simulated; everything above the host is the server's own. */
export interface SimulatedModel {
  readonly name: string;
  /** Milliseconds from the start of a load to the first answer. */
  readonly loadMs: number;
  /** Resident bytes of its host. */
  readonly bytes: number;
}

export interface SimulatedServer {
  readonly manager: Manager;
  readonly models: readonly ModelVersion[];
  readonly loads: () => number;
}

/** The real manager, ledger and eviction with hosts that only take the time and the memory that they are said to. */
export function simulateServer(
  clock: SimulatedClock,
  models: readonly SimulatedModel[],
  { memory, policy, concurrentLoads }: { memory: number; policy: EvictionPolicyName; concurrentLoads: number },
): SimulatedServer {
  const byName = new Map(models.map((model) => [model.name, model]));
  const bytesOf = new Map<number, number>();
  let pids = 0;
  let loads = 0;
  const steps: LoaderSteps = {
    prepare: (spec) => Promise.resolve({ host: { name: spec.name, command: "", arguments: [], environment: {} }, warnings: [] }),
    start: (host) => {
      const pid = ++pids;
      bytesOf.set(pid, byName.get(host.name)?.bytes ?? 0);
      let end: (how: string) => void = () => undefined;
      const exited = new Promise<string>((resolve) => {
        end = resolve;
      });
      const stop = (): Promise<void> => {
        bytesOf.delete(pid);
        end("ended");
        return Promise.resolve();
      };
      return { name: host.name, pid, connection: new Duplex(), exited, logTail: () => [], stop };
    },
    connect: () =>
      Promise.resolve({
        warm: async (endpoint, spec) => {
          loads++;
          await new Promise<void>((resolve) => clock.after(byName.get(spec.name)?.loadMs ?? 0, resolve));
          const replica: Replica = {
            id: spec.name,
            credit: 1,
            description: { methods: {}, framework: "", frameworkVersion: "", warnings: [] },
            lost: endpoint.exited.then(() => undefined),
            exited: endpoint.exited,
            run: ({ payload }) => Promise.resolve({ payload, computeMs: 0 }),
            // biome-ignore lint/correctness/useYield: nothing is streamed here
            async *stream() {
              throw new Error("nothing streams");
            },
            close: () => endpoint.stop(0),
            destroy: () => void endpoint.stop(0),
          };
          return replica;
        },
      }),
  };
  const events = createEvents();
  const manager = new Manager({
    clock,
    steps,
    ledger: new Ledger({ [MEMORY]: memory }),
    evictionPolicy: policy,
    events,
    measurements: new Measurements(),
    concurrentLoads,
    modelsPerHost: () => 1,
    measure: (pid) => Promise.resolve(bytesOf.get(pid) ?? 0),
    loadTimeoutMs: 1e9,
  });
  const limits = { queueLimits: { maxRequests: 1e6, maxBytes: 1e9, maxStreams: 1 }, batchLimits: { maxRows: 1, maxBytes: 1e6 } };
  const versions = models.map(
    ({ name, bytes }) => new ModelVersion(specOf(name, bytes), () => new Scheduler({ clock, ...limits }), events),
  );
  for (const version of versions) manager.standBy(version);
  return { manager, models: versions, loads: () => loads };
}

/** What the estimate before a load is made from: half of what the host will use, besides the host itself. */
function specOf(name: string, bytes: number): ModelSpec {
  const artefact = Math.max(0, (bytes - 90 * 1048576) / 2);
  return { namespace: "default", name, version: "1", format: "onnx", file: name, directory: "/", bytes: artefact };
}
