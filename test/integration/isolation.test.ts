import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { HostSpec } from "../../src/core/executor.ts";
import { createLocalExecutor, findLauncherPython, probeMechanisms } from "../../src/executors/index.ts";
import { confined } from "../../src/executors/isolation/confined.ts";
import { EXAMPLES, startServer, untilLoaded } from "../server-process.ts";
import { ask } from "../service-process.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const ESCAPES = fileURLToPath(new URL("../escapes/escapes.py", import.meta.url));
const MEBIBYTE = 1024 * 1024;

const python = (await findLauncherPython(undefined)) as string;
const { levels } = await probeMechanisms(python);
const working = levels.filter(({ problem }) => problem === undefined).map(({ level }) => level);

let folder: string;
let servers: Server[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-isolation-"));
  await mkdir(join(folder, "model"));
  await mkdir(join(folder, "other"));
  await writeFile(join(folder, "model/model.txt"), "weights");
  await writeFile(join(folder, "other/model.txt"), "secret");
  const places = [{ port: 0, host: "127.0.0.1" }, { path: join(folder, "socket") }, { path: `\0${folder}` }];
  servers = await Promise.all(places.map(listen));
});

afterAll(async () => {
  for (const server of servers) server.close();
  await rm(folder, { recursive: true, force: true });
});

function listen(place: { port: number; host: string } | { path: string }): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.listen(place, () => resolve(server));
  });
}

function portOf(server: Server | undefined): number {
  const address = server?.address();
  if (typeof address !== "object" || address === null) throw new Error("the server does not listen");
  return address.port;
}

/** The command of a host below its launcher; settles with how it ended and what it printed. */
async function runHost(host: HostSpec): Promise<{ readonly ended: string; readonly lines: readonly string[] }> {
  const lines: string[] = [];
  const record = { add: () => undefined, forget: () => undefined, written: async () => undefined, close: async () => undefined };
  const executor = createLocalExecutor({ loadsBehind: false, onLog: (_host, line) => lines.push(line), record });
  return { ended: await executor.start(host).exited, lines };
}

function hostOf(level: (typeof working)[number], words: readonly string[], memory = 1024 * MEBIBYTE): HostSpec {
  const [command = "", ...words_] = words;
  const spec = {
    name: "escapes",
    command,
    arguments: words_,
    environment: { PATH: process.env.PATH ?? "", LD_NITROUS: "from the model" },
    directory: join(folder, "model"),
  };
  const readable = [join(folder, "model"), ESCAPES];
  return confined(spec, { level, readable, writable: [], memory }, { python, bytecodeDirectory: join(folder, "bytecode") });
}

it("has a level to test", () => {
  expect(working).not.toEqual([]);
});

describe.each(working)("a host confined by %s", (level) => {
  it("gets out in no way that is tried, and can do its work", async () => {
    const port = portOf(servers[0]);
    const facts = [join(folder, "model"), join(folder, "other/model.txt"), process.pid, port, join(folder, "socket"), folder, ROOT];
    const { ended, lines } = await runHost(hostOf(level, [python, "-B", ESCAPES, ...facts.map(String)]));
    expect({ ended, lines }).toMatchObject({ ended: "exited with code 0" });
    const { escapes, duties } = JSON.parse(lines.at(-1) as string) as Record<string, Record<string, string>>;
    expect(Object.entries(escapes ?? {}).filter(([, outcome]) => outcome === "done")).toEqual([]);
    expect(Object.keys(escapes ?? {}).length).toBeGreaterThan(30);
    expect(Object.entries(duties ?? {}).filter(([, outcome]) => outcome !== "done")).toEqual([]);
    expect(await readdir(join(folder, "model"))).toEqual(["model.txt"]);
  });

  it("loses its temporary folder at its end", async () => {
    const { lines } = await runHost(hostOf(level, ["sh", "-c", 'mkdir "$TMPDIR/x"; echo "$TMPDIR"']));
    expect(lines[0]).toMatch(/nitrous-host-/);
    expect(existsSync(lines[0] as string)).toBe(false);
  });

  it("gets variables for the linker, which its launcher does not", async () => {
    const host = hostOf(level, ["sh", "-c", 'echo "$LD_NITROUS"']);
    expect(host.environment).not.toHaveProperty("LD_NITROUS");
    expect((await runHost(host)).lines).toEqual(["from the model"]);
  });

  it("is killed when it uses too much memory together with its children, and says so", async () => {
    const hungry = "import os, time; os.fork(); x = bytearray(os.urandom(1024)) * (60 * 1024); time.sleep(60)";
    const { ended, lines } = await runHost(hostOf(level, [python, "-c", hungry], 100 * MEBIBYTE));
    expect(lines.join("\n")).toMatch(/killed for memory: it used \d+ MiB and may use 100 MiB/);
    expect(ended).toBe("was killed by SIGKILL");
  });

  // bwrap ends as shells do.
  it.each([
    ["raise SystemExit(7)", "exited with code 7", "exited with code 7"],
    ["import os; os.kill(os.getpid(), 9)", "was killed by SIGKILL", "exited with code 137"],
    ["import os; os.abort()", "was killed by SIGABRT", "exited with code 134"],
  ])("ends as it would without: %s", async (script, how, howInBwrap) => {
    const { ended } = await runHost(hostOf(level, [python, "-c", script]));
    expect(ended).toBe(level === "bwrap" ? howInBwrap : how);
  });

  it("runs Node with what nitrous brings along", async () => {
    const script = `import("onnxruntime-node").then(() => console.log("imported"), (error) => console.log(String(error)))`;
    const words = [
      process.execPath,
      "--input-type=module",
      "-e",
      script.replace("onnxruntime-node", import.meta.resolve("onnxruntime-node")),
    ];
    expect((await runHost(hostOf(level, words))).lines.at(-1)).toBe("imported");
  });
});

it("is not what keeps an open host from any of that", async () => {
  const port = portOf(servers[0]);
  const spec = { name: "open", command: python, environment: { PATH: process.env.PATH ?? "" }, directory: join(folder, "model") };
  const script = `import socket; socket.create_connection(("127.0.0.1", ${port})); print(open("../other/model.txt").read())`;
  expect((await runHost({ ...spec, arguments: ["-c", script] })).lines).toEqual(["secret"]);
});

const CURIOUS = `import socket

class Model:
    example = {"instances": [0]}

    def predict(self, port):
        try:
            socket.create_connection(("127.0.0.1", int(port[0])), timeout=5)
            return [1]
        except OSError:
            return [0]
`;

it("leaves code that the command line names its network", async () => {
  const directory = join(folder, "curious");
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "model.py"), CURIOUS);
  const server = await startServer([directory]);
  try {
    await untilLoaded(server);
    const { body } = await ask(server.url, "/v1/models/curious:predict", { instances: [portOf(servers[0])] });
    expect(body).toEqual({ predictions: [1] });
  } finally {
    await server.stop();
  }
});

it.each([
  ["auto", true],
  ["off", false],
] as const)("is decided by the setting for a model that nobody trusts: %s", async (isolation, confined) => {
  const server = await startServer([join(EXAMPLES, "iris-onnx")], ["--isolation", isolation]);
  try {
    await untilLoaded(server);
    const { hostPid } = (await (await fetch(`${server.url}/nitrous/models/iris-onnx`)).json()) as { hostPid: number };
    // A confined process may gain no privileges, whatever else its level does.
    expect(/NoNewPrivs:\t1/.test(await readFile(`/proc/${hostPid}/status`, "utf8"))).toBe(confined);
  } finally {
    await server.stop();
  }
});
