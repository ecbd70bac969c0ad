import { Duplex } from "node:stream";
import { beforeEach, describe, expect, it } from "vitest";
import { FakeClock, settle } from "../../test/fake-clock.ts";
import { modelSpec } from "../../test/fake-hosts.ts";
import type { HostEndpoint, HostSpec } from "../core/executor.ts";
import type { Replica } from "../core/replica.ts";
import { HostPool } from "./host-pool.ts";
import { loadModel } from "./loader.ts";
import type { Connected, PreparedHost } from "./loader-steps.ts";

const HOST: HostSpec = { name: "shared", command: "fake", arguments: [], environment: {} };
const SHARED: PreparedHost = { host: HOST, warnings: [], sharing: { key: "onnx", places: 2 } };
const never = new AbortController().signal;

let processes: Array<{ readonly stops: number[]; end(how: string): void }>;
let connect: () => Promise<Connected>;
let pool: HostPool;

beforeEach(() => {
  processes = [];
  connect = () => Promise.resolve({ warm: () => Promise.reject(new Error("not in this test")) });
  pool = new HostPool({ start, connect: () => connect() });
});

function start({ name }: HostSpec): HostEndpoint {
  let end: (how: string) => void = () => undefined;
  const exited = new Promise<string>((resolve) => {
    end = resolve;
  });
  const stops: number[] = [];
  const pid = processes.push({ stops, end });
  const stop = async (graceMs: number): Promise<void> => {
    stops.push(graceMs);
    end("ended");
  };
  return { name, pid, connection: new Duplex(), exited, logTail: () => [], stop };
}

describe("a pool of hosts", () => {
  it("gives each model a host of its own unless it may share one", async () => {
    const { sharing: _, ...own } = SHARED;
    const pids = [own, own, SHARED, SHARED, SHARED].map((prepared) => pool.open(prepared, never).endpoint.pid);
    expect(pids).toEqual([1, 2, 3, 3, 4]);
  });

  it("ends a shared host with its last place, which is given back once", async () => {
    const [first, second] = [pool.open(SHARED, never).endpoint, pool.open(SHARED, never).endpoint];
    await first.stop(7);
    await first.stop(7);
    expect(processes[0]?.stops).toEqual([]);
    const third = pool.open(SHARED, never).endpoint;
    expect(third.pid).toBe(1);
    await second.stop(7);
    await third.stop(9);
    expect(processes[0]?.stops).toEqual([9]);
    expect(pool.open(SHARED, never).endpoint.pid).toBe(2);
  });

  it("places nothing into a host that has died or never introduced itself", async () => {
    pool.open(SHARED, never);
    processes[0]?.end("was killed");
    await settle();
    connect = () => Promise.reject(new Error("it speaks another protocol"));
    const { endpoint, connected } = pool.open(SHARED, never);
    expect(endpoint.pid).toBe(2);
    await expect(connected).rejects.toThrow("another protocol");
    expect(pool.open(SHARED, never).endpoint.pid).toBe(3);
  });
});

describe("a load", () => {
  const steps = { prepare: () => Promise.resolve(SHARED), start, connect: () => connect() };
  const load = (signal: AbortSignal): Promise<unknown> =>
    loadModel(
      { spec: modelSpec("iris", "a"), environment: {}, alone: false, clock: new FakeClock(), timeoutMs: 1000 },
      steps,
      pool,
      () => undefined,
      signal,
    );

  it("can be given up while its host says nothing", async () => {
    connect = () => new Promise(() => undefined);
    const controller = new AbortController();
    const loading = load(controller.signal);
    await settle();
    controller.abort(new Error("the model is being removed"));
    await expect(loading).rejects.toThrow("being removed");
    expect(processes[0]?.stops).toEqual([0]);
  });

  it("that is given up while its host starts does not begin in it", async () => {
    let connected: (host: Connected) => void = () => undefined;
    connect = () => new Promise((resolve) => (connected = resolve));
    const controller = new AbortController();
    const loading = load(controller.signal);
    await settle();
    let warmed = false;
    connected({
      warm: () => {
        warmed = true;
        return new Promise<Replica>(() => undefined);
      },
    });
    controller.abort(new Error("the model is being removed"));
    await expect(loading).rejects.toThrow("being removed");
    expect(warmed).toBe(false);
  });
});
