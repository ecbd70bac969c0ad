import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { FakeClock, settle } from "../../../test/fake-clock.ts";
import { type Answer, type Asked, floats, PlayedServer, StandIn } from "../../../test/upstream-servers.ts";
import { Cancellation } from "../../core/cancellation.ts";
import type { Clock } from "../../core/clock.ts";
import { systemClock } from "../../core/clock.ts";
import type { Probe, ProbeAction } from "../../core/container.ts";
import { ServeError } from "../../core/errors.ts";
import type { Payload } from "../../core/inference.ts";
import { type Replica, ReplicaLostError } from "../../core/replica.ts";
import type { UpstreamProtocol, UpstreamSpec } from "../../core/upstream.ts";
import { type OpenUpstreamOptions, openUpstream } from "./open.ts";
import { RunningServer } from "./running-server.ts";

const never = new AbortController().signal;
let standIn: StandIn;

afterEach(() => standIn?.stop());

const INPUTS = [{ name: "x", datatype: "FP32", shape: [-1] }];
const ROWS: Payload = { kind: "rows", rows: [1] };
const TENSORS: Payload = { kind: "tensors", tensors: [floats("x", [1], [1])] };

/** A stand-in that has V1 and V2 of one model; `say` comes first. */
async function start(say: (asked: Asked) => Answer | undefined = () => undefined): Promise<PlayedServer> {
  const answers: Record<string, Answer> = {
    "GET /health/ready": {},
    "GET /v2": { body: '{"name":"stand-in","version":"1"}' },
    "GET /v2/models/iris": { body: JSON.stringify({ name: "iris", platform: "", inputs: INPUTS, outputs: [] }) },
    "POST /v2/models/iris/infer": { body: '{"outputs":[{"name":"y","datatype":"FP32","shape":[1],"data":[2]}]}' },
    "POST /v1/models/iris:predict": { body: '{"predictions":[2]}' },
  };
  standIn = await StandIn.start(
    (asked) => say(asked) ?? answers[`${asked.method} ${asked.url}`] ?? { status: 404, body: '{"error":"no such path"}' },
  );
  return new PlayedServer();
}

const probe = (action: Partial<ProbeAction> & { kind: string }, given: Partial<Probe> = {}): Probe => ({
  action: { port: standIn.server.port, path: "/health/ready", secure: false, headers: [], ...action } as ProbeAction,
  initialDelayMs: 0,
  periodMs: 1_000,
  timeoutMs: 1_000,
  successThreshold: 1,
  failureThreshold: 1,
  ...given,
});

function specOf(protocols: readonly UpstreamProtocol[], more: Partial<UpstreamSpec> = {}): UpstreamSpec {
  return {
    runtime: "stand-in",
    // What was started is what the test plays.
    place: { kind: "container", container: {} as never },
    protocols: protocols.map((protocol) => ({ protocol, port: standIn.server.port })),
    modelName: "iris",
    concurrency: 3,
    batchable: false,
    shared: false,
    metrics: undefined,
    ...more,
  };
}

interface Opening extends Partial<Pick<OpenUpstreamOptions, "example">> {
  readonly spec?: UpstreamSpec;
  readonly probes?: { startup?: Probe; readiness?: Probe; liveness?: Probe };
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
  readonly onLog?: (line: string) => void;
}

function open(endpoint: PlayedServer, opening: Opening = {}): { replica: Promise<Replica>; steps: string[]; server: RunningServer } {
  const { spec = specOf(["v1", "v2"]), probes = {}, clock = systemClock, signal = never, onLog = () => undefined, ...more } = opening;
  const { startup, readiness, liveness } = probes;
  const steps: string[] = [];
  const server = new RunningServer({ endpoint, probes: { startup, readiness, liveness }, clock, graceMs: 700, onLog });
  const options = { id: "default/iris/1", spec, server, place: endpoint, clock, ...more };
  return { replica: openUpstream(options, (step) => steps.push(step), signal), steps, server };
}

describe("a model in a server of its own", () => {
  it("is described by what the server tells", async () => {
    const { replica, steps } = open(await start(), { probes: { readiness: probe({ kind: "http" }) } });
    expect(await replica).toMatchObject({
      credit: 3,
      description: {
        framework: "stand-in",
        frameworkVersion: "1",
        methods: { predict: { accepts: "tensors", inputs: INPUTS, convertsNumbers: true }, explain: { accepts: "json" } },
      },
    });
    expect(steps).toEqual(["asking its server what it takes"]);
  });

  it("answers each form with the protocol that has it", async () => {
    const replica = await open(await start()).replica;
    expect((await replica.run({ method: "predict", payload: TENSORS })).payload).toMatchObject({ kind: "tensors" });
    expect(standIn.last.url).toBe("/v2/models/iris/infer");
    const raw: Payload = {
      kind: "raw",
      contentType: "application/json",
      body: Buffer.from("{}"),
      call: { protocol: "v1", path: ":predict", stream: false },
    };
    expect((await replica.run({ method: "predict", payload: raw })).payload).toMatchObject({ kind: "raw" });
    expect((await replica.run({ method: "predict", payload: ROWS })).payload).toEqual({ kind: "json", value: { predictions: [2] } });
    const openai: Payload = { ...raw, call: { protocol: "openai", path: "/chat/completions", stream: false } };
    await expect(replica.run({ method: "predict", payload: openai })).rejects.toMatchObject({
      code: "UNIMPLEMENTED",
      message: expect.stringMatching(/it speaks v1, v2/),
    });
  });

  it("that speaks V1 only takes whatever comes", async () => {
    const endpoint = await start();
    const replica = await open(endpoint, { spec: specOf(["v1"], { batchable: true }) }).replica;
    expect(replica.description).toMatchObject({
      framework: "stand-in",
      methods: { predict: { accepts: "json", inputs: [], batchable: true } },
    });
    expect((await replica.run({ method: "predict", payload: TENSORS })).payload).toMatchObject({
      kind: "tensors",
      tensors: [{ datatype: "INT64" }],
    });
  });

  it("is waited for, with what is waited for", async () => {
    const answers = [404, 503, 503, 200];
    const clock = new FakeClock();
    const endpoint = await start(({ url }) => (url === "/health/ready" ? { status: answers.shift() ?? 200 } : undefined));
    const { replica, steps } = open(endpoint, {
      probes: { startup: probe({ kind: "http" }, { timeoutMs: 1e9, failureThreshold: 1e6 }) },
      clock,
    });
    let opened = false;
    void replica.then(() => {
      opened = true;
    });
    while (!opened) {
      await clock.advance(250);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(steps).toEqual([
      `waiting for GET /health/ready on port ${standIn.server.port}: 404`,
      `waiting for GET /health/ready on port ${standIn.server.port}: 503`,
      "asking its server what it takes",
    ]);
  });

  it("that is never ready says so when its time is over", async () => {
    const controller = new AbortController();
    const endpoint = await start(() => ({ status: 503 }));
    const { replica, steps } = open(endpoint, { probes: { readiness: probe({ kind: "http" }) }, signal: controller.signal });
    while (steps.length === 0) await settle();
    controller.abort(new ServeError("ABORTED", "its load did not end within 1 s"));
    await expect(replica).rejects.toThrow(/did not end within 1 s; it waited for GET \/health\/ready on port \d+: 503/);
  });

  it("that does not start in the time of its probe is ended", async () => {
    const endpoint = await start();
    endpoint.exitCode = 3;
    const { replica } = open(endpoint, {
      probes: { startup: probe({ kind: "exec", command: ["check"] }, { periodMs: 10, failureThreshold: 1 }) },
    });
    await expect(replica).rejects.toMatchObject({
      code: "ABORTED",
      message: expect.stringMatching(/had not started within 0.01 s: command 'check': exit code 3, line two/),
    });
    expect(endpoint.stops).toEqual([700]);
  });

  it("that ends while it starts says how", async () => {
    const endpoint = await start(() => ({ status: 503 }));
    const { replica } = open(endpoint, { probes: { readiness: probe({ kind: "http" }) } });
    endpoint.end("exited with code 1");
    await expect(replica).rejects.toMatchObject({ code: "ABORTED", message: "before it was ready, its server exited with code 1" });
  });

  it("that its server does not know is not served", async () => {
    const endpoint = await start(({ url }) => (url === "/v2/models/iris" ? { status: 404, body: '{"error":"unknown model"}' } : undefined));
    await expect(open(endpoint, { spec: specOf(["v2"]) }).replica).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: "the server of runtime stand-in does not tell of model 'iris': unknown model",
    });
  });
});

describe("a server that goes", () => {
  const hanging = ({ url }: Asked): Answer | undefined => (url.endsWith(":predict") ? { hangs: true } : undefined);

  it("fails the calls under way, and one that was alone may be why", async () => {
    const endpoint = await start(hanging);
    const { replica: opened } = open(endpoint);
    const replica = await opened;
    const call = replica.run({ method: "predict", payload: ROWS });
    endpoint.end("was killed by SIGSEGV");
    const error = await call.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ReplicaLostError);
    expect(error).toMatchObject({ alone: true, message: "the model's server was killed by SIGSEGV" });
    await expect(replica.run({ method: "predict", payload: ROWS })).rejects.toMatchObject({ alone: false });
    expect(await replica.exited).toBe("was killed by SIGSEGV");
    await replica.lost;
  });

  it("is waited for when its connections end first", async () => {
    const endpoint = await start();
    const replica = await open(endpoint).replica;
    await standIn.stop();
    const call = replica.run({ method: "predict", payload: ROWS });
    setTimeout(() => endpoint.end("exited with code 137"), 20);
    await expect(call).rejects.toThrow("the model's server exited with code 137");
  });

  it("is ended by its liveness probe", async () => {
    const endpoint = await start();
    endpoint.exitCode = 1;
    const { replica: opened } = open(endpoint, {
      probes: { liveness: probe({ kind: "exec", command: ["alive"] }, { initialDelayMs: 30, periodMs: 20, failureThreshold: 2 }) },
    });
    const replica = await opened;
    expect(await replica.exited).toMatch(/^was ended because its liveness probe failed 2 times in a row: command 'alive': exit code 1/);
    expect(endpoint.stops).toEqual([700]);
  });

  it("refuses calls while it is not ready, and takes them again", async () => {
    let ready = 200;
    const lines: string[] = [];
    const endpoint = await start(({ url }) => (url === "/health/ready" ? { status: ready } : undefined));
    const opening = { probes: { readiness: probe({ kind: "http" }, { periodMs: 10 }) }, onLog: (line: string) => void lines.push(line) };
    const replica = await open(endpoint, opening).replica;
    ready = 503;
    while (!lines.some((line) => line.includes("not ready"))) await settle();
    await expect(replica.run({ method: "predict", payload: ROWS })).rejects.toMatchObject({
      code: "UNAVAILABLE",
      retryAfter: 1,
      message: expect.stringMatching(/not ready: GET/),
    });
    ready = 200;
    while (lines.at(-1) !== "the server is ready") await settle();
    await replica.run({ method: "predict", payload: ROWS });
    await replica.close();
  });

  it("is left in peace by calls that are given up", async () => {
    const endpoint = await start(hanging);
    const replica = await open(endpoint, { spec: specOf(["v1"]) }).replica;
    const cancellation = new Cancellation();
    const call = replica.run({ method: "predict", payload: ROWS }, cancellation);
    cancellation.abort(new ServeError("CANCELLED", "the client has gone"));
    await expect(call).rejects.toThrow("the client has gone");
    while ((await standIn.server.connections) > 0) await settle();
  });

  it("ends with its model, in the time that it has for it", async () => {
    const endpoint = await start();
    const replica = await open(endpoint).replica;
    await replica.close();
    expect(endpoint.stops).toEqual([700]);
    expect(await replica.exited).toBe("was closed");
    const other = new PlayedServer();
    (await open(other).replica).destroy("used too much memory");
    expect(other.stops).toEqual([0]);
  });
});

describe("a server of several models", () => {
  const repository = ({ method, url }: Asked): Answer | undefined =>
    method === "POST" && url.startsWith("/v2/repository/") ? {} : undefined;

  it("loads each and unloads it", async () => {
    const endpoint = await start(repository);
    const replica = await open(endpoint, { spec: specOf(["v2"], { shared: true }) }).replica;
    expect(standIn.asked.map(({ url }) => url)).toContain("/v2/repository/models/iris/load");
    await replica.close();
    expect(standIn.last.url).toBe("/v2/repository/models/iris/unload");
  });

  it("says why it cannot load one", async () => {
    const endpoint = await start(({ url }) => (url.endsWith("/load") ? { status: 400, body: '{"error":"no such files"}' } : undefined));
    await expect(open(endpoint, { spec: specOf(["v2"], { shared: true }) }).replica).rejects.toThrow("no such files");
    await expect(open(new PlayedServer(), { spec: specOf(["v1"], { shared: true }) }).replica).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
    });
  });
});

describe("a model with an example", () => {
  let folder: string;
  const exampleOf = async (text: string): Promise<string> => {
    folder = await mkdtemp(join(tmpdir(), "nitrous-upstream-example-"));
    await writeFile(join(folder, "example.json"), text);
    return join(folder, "example.json");
  };

  afterEach(() => rm(folder, { recursive: true }));

  it("answers it before it serves", async () => {
    const example = await exampleOf('{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1]}]}');
    const { replica, steps } = open(await start(), { example });
    expect((await replica).description.example).toMatchObject({ inputs: [{ name: "x" }] });
    expect(standIn.last.url).toBe("/v2/models/iris/infer");
    expect(steps).toContain("answering its example.json");
  });

  it("does not serve when it is refused, or is none", async () => {
    const refusing = await start(({ url }) =>
      url.endsWith(":predict") ? { status: 400, body: '{"error":"two numbers, please"}' } : undefined,
    );
    const example = await exampleOf('{"instances":[[1]]}');
    await expect(open(refusing, { example, spec: specOf(["v1"]) }).replica).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: "its server did not answer its example.json: two numbers, please",
    });
    await writeFile(example, '{"instances":1}');
    await expect(open(new PlayedServer(), { example }).replica).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  it("is not tried where its server has another protocol", async () => {
    const example = await exampleOf('{"instances":[[1]]}');
    const replica = await open(await start(), { example, spec: specOf(["openai"]) }).replica;
    expect(replica.description.warnings).toEqual([expect.stringContaining("was not tried")]);
  });
});
