import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { modelSpec } from "../test/fake-hosts.ts";
import { connectTo, PlayedServer, StandIn } from "../test/upstream-servers.ts";
import { systemClock } from "./core/clock.ts";
import type { ContainerSpec } from "./core/container.ts";
import type { HostSpec } from "./core/executor.ts";
import type { ModelSpec } from "./core/model.ts";
import type { UpstreamSpec } from "./core/upstream.ts";
import type { LoaderSteps } from "./models/index.ts";
import { withUpstreams } from "./upstream-models.ts";

const never = new AbortController().signal;
const nothing = (): void => undefined;
let standIn: StandIn | undefined;

afterEach(async () => {
  await standIn?.stop();
  standIn = undefined;
});

const CONTAINER = {
  image: undefined,
  command: ["serve"],
  startupProbe: undefined,
  readinessProbe: undefined,
  livenessProbe: undefined,
  terminationGraceMs: 300,
} as unknown as ContainerSpec;

function upstream(more: Partial<UpstreamSpec> = {}): UpstreamSpec {
  return {
    runtime: "mine",
    place: { kind: "container", container: CONTAINER },
    protocols: [{ protocol: "v1", port: standIn?.server.port ?? 8080 }],
    modelName: "iris",
    concurrency: 2,
    batchable: false,
    shared: false,
    metrics: undefined,
    ...more,
  };
}

const model = (more: Partial<UpstreamSpec> = {}, given: Partial<ModelSpec> = {}): ModelSpec => ({
  ...modelSpec("iris", "/models/iris"),
  format: "upstream",
  upstream: upstream(more),
  ...given,
});

function wrap(): { steps: LoaderSteps; started: HostSpec[]; prepared: HostSpec[]; loaded: number[]; server: PlayedServer } {
  const server = new PlayedServer();
  const started: HostSpec[] = [];
  const prepared: HostSpec[] = [];
  const loaded: number[] = [];
  const inner: LoaderSteps = {
    prepare: () => Promise.resolve({ host: { name: "host", command: "x", arguments: [], environment: {} }, warnings: ["of others"] }),
    start(host) {
      started.push(host);
      return server;
    },
    connect: () => Promise.reject(new Error("a host was connected")),
  };
  const executor = {
    prepare: (host: HostSpec) => Promise.resolve(void prepared.push(host)),
    loaded: (pid: number) => void loaded.push(pid),
  };
  const programs = { ready: (container: ContainerSpec) => Promise.resolve({ ...container, command: ["/opt/serve"] }) };
  const environments = { ensure: () => Promise.resolve({ python: "/envs/1/bin/python", warnings: [] }) } as never;
  return {
    steps: withUpstreams(inner, { executor, clock: systemClock, onLog: nothing, programs, environments }),
    started,
    prepared,
    loaded,
    server,
  };
}

describe("models with servers of their own", () => {
  it("are prepared as what their place says", async () => {
    const { steps, prepared } = wrap();
    const own = await steps.prepare(model({}, { notes: ["mind this"] }), nothing, never);
    expect(own).toMatchObject({ host: { name: "iris/1", container: { command: ["/opt/serve"] } }, warnings: ["mind this"] });
    expect(own).not.toHaveProperty("sharing");
    expect(prepared).toEqual([own.host]);
    const elsewhere = await steps.prepare(model({ place: { kind: "elsewhere", url: "http://10.0.0.1:80" } }), nothing, never);
    expect(elsewhere.host).toMatchObject({ name: "iris/1", elsewhere: "http://10.0.0.1:80" });
    expect((await steps.prepare(modelSpec("other", "/models/other"), nothing, never)).warnings).toEqual(["of others"]);
  });

  it("have an environment of their own where they have requirements", async () => {
    const file = fileURLToPath(import.meta.url);
    const container = { ...CONTAINER, requirements: file, environment: [{ name: "PATH", value: "/bin" }], mounts: [] } as ContainerSpec;
    const { host } = await wrap().steps.prepare(model({ place: { kind: "container", container } }), nothing, never);
    expect(host.container?.environment.slice(1)).toEqual([
      { name: "PATH", value: "/envs/1/bin:/bin" },
      { name: "VIRTUAL_ENV", value: "/envs/1" },
    ]);
    expect(host.container?.mounts).toMatchObject([{ path: "/envs/1", readOnly: true }]);
    const missing = model({ place: { kind: "container", container: { ...container, requirements: `${file}.not` } } });
    await expect(wrap().steps.prepare(missing, nothing, never)).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
  });

  it("share a server where it is one for several, until its runtime changes", async () => {
    const { steps } = wrap();
    const [one, two] = await Promise.all(["a", "b"].map((modelName) => steps.prepare(model({ shared: true, modelName }), nothing, never)));
    expect(one?.host.name).toBe("default/mine");
    expect(one?.sharing).toEqual(two?.sharing);
    const changed = { ...CONTAINER, terminationGraceMs: 301 };
    const other = await steps.prepare(model({ shared: true, place: { kind: "container", container: changed } }), nothing, never);
    expect(other.sharing?.key).not.toBe(one?.sharing?.key);
  });

  it("come to life when their server is ready, and end with it", async () => {
    standIn = await StandIn.start(() => ({ body: '{"predictions":[1]}' }));
    const { steps, started, loaded, server } = wrap();
    const { host } = await steps.prepare(model(), nothing, never);
    const endpoint = steps.start(host);
    expect(started).toEqual([host]);
    const connected = await steps.connect(endpoint, never);
    const replica = await connected.warm(endpoint, model(), nothing, never);
    expect(loaded).toEqual([server.pid]);
    expect(replica.id).toBe(`default/iris/1#${server.pid}`);
    expect((await replica.run({ method: "predict", payload: { kind: "rows", rows: [1] } })).payload).toMatchObject({ kind: "json" });
    await replica.close();
    expect(server.stops).toEqual([300]);
  });

  it("may be in a server that is elsewhere, which does not end with them", async () => {
    standIn = await StandIn.start(({ url }) => ({ body: url === "/base/v1/models/iris:predict" ? '{"predictions":[1]}' : "{}" }));
    const { steps, started } = wrap();
    const spec = model({ place: { kind: "elsewhere", url: `http://127.0.0.1:${standIn.server.port}/base/` } });
    const { host } = await steps.prepare(spec, nothing, never);
    const endpoint = steps.start(host);
    expect(started).toEqual([]);
    expect(endpoint.pid).toBe(process.pid);
    const replica = await (await steps.connect(endpoint, never)).warm(endpoint, spec, nothing, never);
    await replica.run({ method: "predict", payload: { kind: "rows", rows: [1] } });
    expect(standIn.last).toMatchObject({ url: "/base/v1/models/iris:predict", headers: { host: `127.0.0.1:${standIn.server.port}` } });
    await replica.close();
    (await connectTo(standIn.server.port)).destroy();
    expect(await endpoint.exited).toBe("was asked to end");
  });
});
