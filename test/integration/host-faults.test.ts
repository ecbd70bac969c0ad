import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ServerProcess, startServer, untilLoaded } from "../server-process.ts";

const DECLARED = `
    inputs = {"x": "FP64[-1]"}
    outputs = {"y": "FP64[-1]"}
    batchable = True
`;

const KILLER = `
import os, pathlib, signal
class Model:${DECLARED}
    def predict(self, x):
        if (x < 0).any():
            with open(pathlib.Path(__file__).with_name("deaths"), "a") as deaths: deaths.write("x")
            print("going down with", x.tolist(), flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        return {"y": x}
`;

/** Its children live on for a while, as those of real models do: without any output, through exec, or with its output. */
const FORKER = `
import os, subprocess, time
class Model:${DECLARED}
    def predict(self, x):
        if x[0] == -1:
            if os.fork() == 0: return {"y": x * 1000}
            time.sleep(0.3)
        if x[0] == -2:
            if os.fork() == 0:
                for descriptor in (0, 1, 2): os.close(descriptor)
                time.sleep(30)
            os._exit(9)
        if x[0] == -3:
            subprocess.Popen(["sleep", "30"], close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            os._exit(9)
        if x[0] == -4:
            subprocess.Popen(["sleep", "30"])
            os._exit(9)
        return {"y": x}
`;

/** Each has one fault, in both languages where both can have it. */
const MODELS = {
  "healthy/model.py": `
class Model:${DECLARED}
    def predict(self, x):
        return {"y": x}
`,
  "killer/model.py": KILLER,
  "killer-of-batches/model.py": KILLER,
  "killer-node/model.mjs": `
export class Model {
  static inputs = { x: "FP64[-1]" };
  predict({ x }) {
    if (x.data[0] < 0) { console.log("going down in Node"); process.kill(process.pid, "SIGKILL"); }
    return { y: x.data };
  }
}
`,
  "raiser/model.py": `
class Unfit(Exception):
    code = "INVALID_ARGUMENT"
class Away(Exception):
    code = "UNAVAILABLE"
class Model:${DECLARED}
    def predict(self, x):
        if (x == -1).any(): raise Unfit("x must not be -1")
        if (x == -2).any(): raise Away("the feature store is away")
        if (x == -3).any(): raise SystemExit(4)
        if (x < 0).any(): raise KeyError("negative")
        return {"y": x}
`,
  "chatty/model.py": `
import os, sys
class Model:${DECLARED}
    def predict(self, x):
        print("NT" * 500 + " on stdout")
        print("on stderr", file=sys.stderr)
        os.write(1, b"raw on stdout\\n")
        return {"y": x}
`,
  "chatty-node/model.mjs": `
export class Model {
  predict({ instances }) { console.log("NT on stdout of Node"); console.error("on stderr of Node"); return instances; }
}
`,
  "wrong/model.py": `
import numpy as np
class Model:${DECLARED}
    def predict(self, x):
        if (x == -1).any(): return {"y": x.astype(np.float32)}
        if (x == -2).any(): return {"y": x.reshape(1, -1)}
        if (x == -3).any(): return {"y": x[:0]}
        if (x == -4).any(): return {"y": object()}
        return {"y": x}
`,
  "wrong-node/model.mjs": `
export class Model {
  static inputs = { x: "FP64[-1]" };
  static outputs = { y: "FP64[-1]" };
  static batchable = true;
  predict({ x }) {
    if (x.data.includes(-1)) return { y: { datatype: "FP32", shape: [1], data: [1] } };
    if (x.data.includes(-2)) return { y: [[1]] };
    if (x.data.includes(-3)) return { y: [] };
    if (x.data.includes(-4)) return () => 1;
    return { y: x.data };
  }
}
`,
  "stuck/model.py": `
import time
class Model:${DECLARED}
    def predict(self, x):
        while (x < 0).any(): time.sleep(3600)
        return {"y": x}
`,
  "stuck-node/model.mjs": `
export class Model {
  static inputs = { x: "FP64[-1]" };
  predict({ x }) { while (x.data[0] < 0); return { y: x.data }; }
}
`,
  "scribbler/model.mjs": `
import { writeSync } from "node:fs";
export class Model {
  static inputs = { x: "FP64[-1]" };
  predict({ x }) { if (x.data[0] < 0) writeSync(3, "this is no frame, however long it may be"); return { y: x.data }; }
}
`,
  "leaky/model.py": `
kept = []
class Model:${DECLARED}
    def predict(self, x):
        if (x < 0).any(): kept.append(b"x" * 300_000_000)
        return {"y": x}
`,
  "forker/model.py": FORKER,
  "forker-silent/model.py": FORKER,
  "forker-spawning/model.py": FORKER,
  "forker-printing/model.py": FORKER,
  "deaf/model.py": `
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
class Model:${DECLARED}
    def predict(self, x):
        while (x < 0).any(): pass
        return {"y": x}
`,
};

let folder: string;
let server: ServerProcess;

async function createModels(files: Readonly<Record<string, string>>): Promise<string> {
  const created = await mkdtemp(join(tmpdir(), "nitrous-faults-"));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(created, path)), { recursive: true });
    await writeFile(join(created, path), text);
  }
  return created;
}

beforeAll(async () => {
  folder = await createModels(MODELS);
  const limits = ["--request-timeout", "20000", "--host-timeout", "1000", "--max-host-memory", "250000000"];
  server = await startServer([folder], limits);
  await untilLoaded(server);
});

afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true });
});

interface Told {
  readonly status: number;
  readonly error: string | undefined;
  readonly data: readonly number[] | undefined;
}

async function infer(name: string, values: readonly number[], timeoutMs?: number): Promise<Told> {
  const response = await fetch(`${server.url}/v2/models/${name}/infer`, {
    method: "POST",
    body: JSON.stringify({ inputs: [{ name: "x", datatype: "FP64", shape: [values.length], data: values }] }),
    ...(timeoutMs === undefined ? {} : { signal: AbortSignal.timeout(timeoutMs) }),
  });
  const body = (await response.json()) as { error?: string; outputs?: ReadonlyArray<{ data: number[] }> };
  return { status: response.status, error: body.error, data: body.outputs?.[0]?.data };
}

interface Status {
  readonly hostPid: number;
  readonly state: string;
  readonly hostExits: number;
  readonly quarantined: number;
  readonly lastHostExit?: { readonly message: string; readonly log: readonly string[] };
}

async function statusOf(name: string): Promise<Status> {
  return (await (await fetch(`${server.url}/nitrous/models/${name}`)).json()) as Status;
}

async function until<Value>(look: () => Promise<Value>, isWanted: (value: Value) => boolean): Promise<Value> {
  for (;;) {
    const value = await look();
    if (isWanted(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function isReady(name: string): Promise<boolean> {
  return (await fetch(`${server.url}/v2/models/${name}/ready`)).status === 200;
}

function untilReady(name: string): Promise<boolean> {
  return until(() => isReady(name), Boolean);
}

describe("a host that is killed in the middle of a request", () => {
  it("takes no other model with it; the request is tried once more, then UNAVAILABLE, then refused by its hash", async () => {
    const before = await statusOf("healthy");
    const [killed, neighbour] = await Promise.all([infer("killer", [-1]), infer("healthy", [5])]);
    expect(killed).toMatchObject({ status: 503, error: "the model's host process ended" });
    expect(await readFile(join(folder, "killer/deaths"), "utf8")).toBe("xx");
    expect(neighbour).toMatchObject({ status: 200, data: [5] });
    expect(await isReady("killer")).toBe(false);
    await untilReady("killer");
    const refused = await infer("killer", [-1]);
    expect(refused).toMatchObject({ status: 400, error: expect.stringContaining("ended the model's host 2 times") });
    expect(await infer("killer", [1])).toMatchObject({ status: 200, data: [1] });
    expect(await readFile(join(folder, "killer/deaths"), "utf8")).toBe("xx");
    expect(await statusOf("killer")).toMatchObject({
      state: "ready",
      hostExits: 2,
      quarantined: 1,
      lastHostExit: { message: "its host was killed by SIGKILL", log: expect.arrayContaining(["going down with [-1.0]"]) },
    });
    expect(await statusOf("healthy")).toMatchObject({ hostPid: before.hostPid, hostExits: 0 });
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toContain('nitrous_quarantined_requests{namespace="default",model="killer",version="1"} 1');
    expect(metrics).toContain('nitrous_host_exits_total{namespace="default",model="killer",version="1"} 2');
  });

  it("costs its neighbours in the batch a second try, and nothing else", async () => {
    const told = await Promise.all([2, -7, 3].map((value) => infer("killer-of-batches", [value])));
    expect(told.map(({ status }) => status)).toEqual([200, 503, 200]);
    expect([told[0]?.data, told[2]?.data]).toEqual([[2], [3]]);
  });

  it("is started again in Node too", async () => {
    expect((await infer("killer-node", [-1])).status).toBe(503);
    await untilReady("killer-node");
    expect((await infer("killer-node", [-1])).status).toBe(400);
    expect(await infer("killer-node", [3])).toMatchObject({ status: 200, data: [3] });
    expect((await statusOf("killer-node")).lastHostExit?.log).toContain("going down in Node");
  });
});

describe("a model that raises", () => {
  it("fails its own request with the exception's code, 500 without one, and goes on in the same host", async () => {
    const { hostPid } = await statusOf("raiser");
    const told = await Promise.all([1, -1, 2, -2, -4, -3, 3].map((value) => infer("raiser", [value])));
    expect(told.map(({ status }) => status)).toEqual([200, 400, 200, 503, 500, 500, 200]);
    expect(told.map(({ error }) => error)).toEqual([
      undefined,
      "x must not be -1",
      undefined,
      "the feature store is away",
      "KeyError: 'negative'",
      "SystemExit: 4",
      undefined,
    ]);
    expect(await infer("raiser", [4])).toMatchObject({ status: 200, data: [4] });
    expect(await statusOf("raiser")).toMatchObject({ hostPid, hostExits: 0 });
  });
});

describe("a model that prints", () => {
  it("prints into its log and never into an answer", async () => {
    expect(await infer("chatty", [1])).toMatchObject({ status: 200, data: [1] });
    expect(await (await predict("chatty-node", [1])).json()).toEqual({ predictions: [1] });
    for (const [name, lines] of [
      ["chatty", ["NTNT on stdout", "on stderr", "raw on stdout"]],
      ["chatty-node", ["NT on stdout of Node", "on stderr of Node"]],
    ] as const) {
      await until(
        async () => await (await fetch(`${server.url}/nitrous/namespaces/default/models/${name}/logs`)).text(),
        (log) => lines.every((line) => log.includes(line)),
      );
    }
  });
});

function predict(name: string, instances: readonly unknown[]): Promise<Response> {
  return fetch(`${server.url}/v1/models/${name}:predict`, { method: "POST", body: JSON.stringify({ instances }) });
}

describe("a model that answers something else than it declares", () => {
  it.each(["wrong", "wrong-node"])("(%s) fails exactly the requests concerned", async (name) => {
    const { hostPid } = await statusOf(name);
    const values = [1, -1, 2, -2, -3, -4, 3];
    const told = await Promise.all(values.map((value) => infer(name, [value])));
    expect(told.map(({ status }) => status)).toEqual([200, 500, 200, 500, 500, 500, 200]);
    expect(told.map(({ data }) => data?.[0])).toEqual([1, undefined, 2, undefined, undefined, undefined, 3]);
    expect(told[4]?.error).toContain("its first dimension must be 1");
    expect(await statusOf(name)).toMatchObject({ hostPid, hostExits: 0 });
  });
});

describe("a model that never answers", () => {
  it.each(["stuck", "stuck-node"])("(%s) is given up with its client, and its host is ended and started again", async (name) => {
    const { hostPid } = await statusOf(name);
    await expect(infer(name, [-1], 300)).rejects.toThrow();
    const waiting = infer(name, [2]);
    expect(await waiting).toMatchObject({ status: 200, data: [2] });
    const after = await statusOf(name);
    expect(after.hostPid).not.toBe(hostPid);
    expect(after.lastHostExit?.message).toBe("its host did not end a call within 1 s after it had been given up");
  });
});

describe("a host that sends a damaged frame", () => {
  it("is ended and started again, and the status says what it sent", async () => {
    expect(await infer("scribbler", [-1])).toMatchObject({ status: 503, error: expect.stringContaining("does not begin with NT") });
    await untilReady("scribbler");
    expect(await infer("scribbler", [1])).toMatchObject({ status: 200, data: [1] });
    expect((await statusOf("scribbler")).lastHostExit?.message).toBe("its host sent a broken frame: a frame does not begin with NT");
  });
});

describe("a host that leaks memory", () => {
  it("is ended when it is past its limit, and quarantines nothing", async () => {
    expect((await infer("leaky", [-1])).status).toBe(200);
    const status = await until(
      () => statusOf("leaky"),
      ({ hostExits }) => hostExits > 0,
    );
    expect(status.lastHostExit?.message).toMatch(/^its host used \d+ MiB of memory, more than its limit of 238 MiB, and was ended$/);
    await untilReady("leaky");
    expect(await infer("leaky", [-1])).toMatchObject({ status: 200 });
  });
});

describe("a host that forks", () => {
  it("is the only one that answers: its children neither write frames, nor read them, nor hold the connection", async () => {
    const { hostPid } = await statusOf("forker");
    for (let round = 0; round < 3; round++) expect(await infer("forker", [-1])).toMatchObject({ status: 200, data: [-1] });
    for (let value = 1; value < 20; value++) expect(await infer("forker", [value])).toMatchObject({ status: 200, data: [value] });
    expect(await statusOf("forker")).toMatchObject({ hostPid, hostExits: 0 });
    for (const [name, value] of [
      ["forker-silent", -2],
      ["forker-spawning", -3],
      ["forker-printing", -4],
    ] as const) {
      expect((await infer(name, [value])).status).toBe(503);
      await untilReady(name);
      expect(await infer(name, [1])).toMatchObject({ status: 200 });
      expect((await statusOf(name)).lastHostExit?.message).toMatch(/exited with code 9|holds its output/);
    }
  });
});

describe("a model that never answers, and one that ignores SIGTERM besides", () => {
  it("are answered for with 504 at the request's deadline, and do not keep the server from ending", async () => {
    const other = await createModels({ "stuck/model.py": MODELS["stuck/model.py"], "deaf/model.py": MODELS["deaf/model.py"] });
    const impatient = await startServer([other], ["--request-timeout", "500"]);
    await untilLoaded(impatient);
    const pid = ((await (await fetch(`${impatient.url}/nitrous/models/deaf`)).json()) as Status).hostPid;
    const body = JSON.stringify({ inputs: [{ name: "x", datatype: "FP64", shape: [1], data: [-1] }] });
    const error = "the request was not answered within the 500 ms that it had; give it more time, or send it when the model has less to do";
    for (const name of ["stuck", "deaf"]) {
      const response = await fetch(`${impatient.url}/v2/models/${name}/infer`, { method: "POST", body });
      expect([response.status, await response.json()]).toEqual([504, { error }]);
    }
    process.kill(pid, "SIGTERM");
    expect(await impatient.stop()).toBe(0);
    expect(spawnSync("kill", ["-0", String(pid)]).status).not.toBe(0);
    await rm(other, { recursive: true });
  });
});

describe("a load that never ends", () => {
  it("is ended, tried again, and told in the status, while other models are served", async () => {
    const other = await createModels({
      "endless/model.py":
        "import time\nclass Model:\n    def load(self): print('waiting for a lock', flush=True); time.sleep(3600)\n    def predict(self, x): return x\n",
      "healthy/model.py": MODELS["healthy/model.py"],
    });
    const patient = await startServer([other], ["--load-timeout", "3000"]);
    await untilLoaded(patient);
    const ready = await fetch(`${patient.url}/v2/models/endless/ready`);
    expect(ready.status).toBe(503);
    expect(((await ready.json()) as { error: string }).error).toContain("its load did not end within 3 s");
    expect((await fetch(`${patient.url}/v2/models/healthy/ready`)).status).toBe(200);
    await until(
      async () => patient.output(),
      (output) => output.split("waiting for a lock").length > 2,
    );
    await patient.stop();
    await rm(other, { recursive: true });
  });
});
