import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import type { ContainerSpec } from "../../src/core/container.ts";
import type { HostSpec } from "../../src/core/executor.ts";
import type { ServerEndpoint } from "../../src/core/upstream.ts";
import { createServers, endLeftovers, probeServers, processMemory } from "../../src/executors/index.ts";
import { container } from "../server-containers.ts";

const MEBIBYTE = 1024 * 1024;
const SERVER_OF_SERVERS = fileURLToPath(new URL("../server-of-servers.ts", import.meta.url));

const machine = await probeServers(undefined);
const python = machine.python as string;
const MODES = [...(machine.problem === undefined ? (["namespaces"] as const) : []), "open"] as const;
type Mode = (typeof MODES)[number];
const NO_GROUPS = { memory: [], processors: [] };

/** Answers every request with the first argument, and says when it listens. */
const ANSWERER = `
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(sys.argv[1].encode())
    def log_message(self, *words): pass
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 1024
server = Server(("0.0.0.0", int(sys.argv[2])), Handler)
print("listening", flush=True)
server.serve_forever()
`;

let folder: string;
let running: ServerEndpoint[];
let lines: string[];
let temporary: Set<string>;
let groups: readonly string[];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "nitrous-servers-"));
  mkdirSync(join(folder, "model"));
  writeFileSync(join(folder, "model/weights"), "1 2 3");
  mkdirSync(join(folder, "state/environments"), { recursive: true });
  mkdirSync(join(folder, "state/keys"));
  mkdirSync(join(folder, "secrets/default/token"), { recursive: true });
  writeFileSync(join(folder, "secrets/default/token/value"), "sesame\n");
  running = [];
});

afterAll(async () => {
  await Promise.all(running.map((endpoint) => endpoint.stop(0)));
  rmSync(folder, { recursive: true, force: true });
});

function start(mode: Mode, changes: Parameters<typeof container>[0]): ServerEndpoint {
  lines = [];
  temporary = new Set();
  const seen = lines;
  const folders = temporary;
  const servers = createServers({
    onLog: (_name, line) => seen.push(line),
    record: {
      add: (_pid, own = "", ownGroups = []) => {
        folders.add(own);
        groups = ownGroups;
      },
      forget: () => undefined,
      written: async () => undefined,
      close: async () => undefined,
    },
    objects: { secrets: join(folder, "secrets"), configMaps: undefined },
    clock: systemClock,
    python: undefined,
    bytecodeDirectory: join(folder, "bytecode"),
    hidden: [join(folder, "state")],
    probe: async () => (mode === "open" ? { python, problem: "this is a test", groups: () => NO_GROUPS } : machine),
  });
  const endpoint = servers.start(specOf(container(changes)));
  running.push(endpoint);
  return endpoint;
}

function specOf(spec: ContainerSpec): HostSpec {
  return { name: "iris", command: "", arguments: [], environment: {}, container: spec };
}

const shell = (text: string): Pick<ContainerSpec, "command"> => ({ command: ["/bin/sh", "-c", text] });
const answering = (text: string): Pick<ContainerSpec, "command" | "arguments"> => ({
  command: [python, "-c", ANSWERER, text],
  arguments: ["8080"],
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** What is answered on a port. */
async function get(endpoint: ServerEndpoint, port = 8080): Promise<string> {
  const socket = await endpoint.connect(port);
  return await new Promise((resolve, reject) => {
    const sent = request({ createConnection: () => socket, path: "/" }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      response.on("end", () => resolve(body));
    });
    sent.on("error", reject).end();
  });
}

/** Processes with this word in their command line. */
function processesWith(word: string): string[] {
  return readdirSync("/proc").filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0").includes(word);
    } catch {
      return false;
    }
  });
}

/** A number of seconds that no other process sleeps for. */
function unusual(): string {
  return String(1_000_000 + Math.floor(Math.random() * 1_000_000_000));
}

async function untilListening(): Promise<void> {
  await until(() => lines.includes("listening"));
}

const never = new AbortController().signal;

describe.each(MODES)("a server as a process (%s)", (mode) => {
  it("answers on the port of its spec, which others may have too", async () => {
    const one = start(mode, answering("one"));
    await untilListening();
    const other = start(mode, answering("other"));
    await untilListening();
    expect(await Promise.all([get(one), get(other), get(one)])).toEqual(["one", "other", "one"]);
    await Promise.all([one.stop(5_000), other.stop(5_000)]);
    expect(await one.exited).toBe("was killed by SIGTERM");
    expect([...temporary].filter(existsSync)).toEqual([]);
  });

  it("has its model, its secrets and its volumes, and leaves the machine's files as they are", async () => {
    const endpoint = start(mode, {
      ...shell(
        `cat /mnt/models/weights; echo " $TOKEN"; cat /etc/nitrous-token/value; echo x > /scratch/x; echo y > "$HOME/y"; pwd; sleep 60`,
      ),
      environment: [
        { name: "TOKEN", from: { kind: "secret", namespace: "default", object: "token", key: "value" }, optional: false },
        // Which shows the folder to the program, but for the secrets in it.
        { name: "NAMED", value: `${join(folder, "model")}:${join(folder, "state/environments/x")}` },
      ],
      mounts: [
        { path: "/mnt/models", readOnly: true, source: { kind: "folder", path: join(folder, "model") } },
        { path: "/scratch", readOnly: false, source: { kind: "empty", sizeLimit: MEBIBYTE, inMemory: false } },
        {
          path: "/etc/nitrous-token",
          readOnly: true,
          source: { kind: "object", of: { kind: "secret", namespace: "default", object: "token" }, items: undefined, optional: false },
        },
      ],
    });
    await until(() => lines.length >= 3);
    const [own = ""] = temporary;
    expect(lines).toEqual(["1 2 3 sesame", "sesame", join(own, "home")]);
    expect(await endpoint.exec(["cat", "/scratch/x"], never)).toEqual({
      code: 0,
      output: "x\n",
    });
    // Others could read command lines.
    expect(processesWith("sesame")).toEqual([]);
    expect(readFileSync(`/proc/${endpoint.pid}/cmdline`, "utf8")).not.toContain("sesame");
    if (mode === "namespaces") {
      const attempts = `echo z > /mnt/models/z; echo z > /etc/z; echo z > ${folder}/z; cat ${folder}/model/weights; ls ${folder}/secrets ${folder}/state`;
      const { output } = await endpoint.exec(["sh", "-c", `(${attempts}) 2>&1 | sed 's/.*: //'`], never);
      expect(output.split("\n")).toEqual([
        ...Array(3).fill("Read-only file system"),
        `1 2 3${folder}/secrets:`,
        "",
        `${folder}/state:`,
        "environments",
        "",
      ]);
    }
    await endpoint.stop(0);
    expect(existsSync(own)).toBe(false);
    expect(readdirSync(join(folder, "model"))).toEqual(["weights"]);
  });

  it("opens as many connections at once as it is asked for", async () => {
    const endpoint = start(mode, answering("größe ✓"));
    await untilListening();
    expect(new Set(await Promise.all(Array.from({ length: 100 }, () => get(endpoint))))).toEqual(new Set(["größe ✓"]));
    await endpoint.stop(0);
  });

  it("leaves nothing when its launcher is killed", async () => {
    const word = unusual();
    const endpoint = start(mode, {
      ...shell(`setsid setsid sleep ${word} & echo ready; sleep ${word}; true`),
      resources: { memoryLimit: 100 * MEBIBYTE },
    });
    await until(() => lines.includes("ready") && processesWith(word).length > 1);
    process.kill(endpoint.pid, "SIGKILL");
    expect(await endpoint.exited).toBe("was killed by SIGKILL");
    await until(() => processesWith(word).length === 0 && ![...temporary, ...groups].some(existsSync));
  });

  it("says how it crashed", async () => {
    const endpoint = start(mode, shell("echo first; echo 'Traceback: no weights' >&2; exit 3"));
    expect(await endpoint.exited).toBe("exited with code 3");
    expect([...endpoint.logTail()].sort()).toEqual(["Traceback: no weights", "first"]);
    await expect(endpoint.connect(8080)).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringContaining("exited with code 3"),
    });
  });

  it.each([
    [
      "a program that is not there",
      { command: ["nitrous-no-such-program"] },
      /^could not be started: there is no program nitrous-no-such-program in its PATH, or not/,
    ],
    [
      "a working folder that is not there",
      { ...shell("true"), workingDirectory: "/nitrous/nowhere" },
      /^could not be started: its working folder \/nitrous\/nowhere is not there/,
    ],
  ])("says that it could not be started: %s", async (_, changes, message) => {
    expect(await start(mode, changes).exited).toMatch(message);
  });

  it("says which port it listens on when it is another one", async () => {
    const endpoint = start(mode, { command: [python, "-c", ANSWERER, "lost", "19999"] });
    await untilListening();
    await expect(endpoint.connect(8080)).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringMatching(/it listens on 19999, and its spec says 8080/),
    });
    await endpoint.stop(0);
  });

  it("is asked to end, and what it has started after it", async () => {
    const text = "trap 'echo child is done; exit 0' TERM; echo ready; while :; do sleep 0.05; done";
    const endpoint = start(mode, shell(`sh -c "${text}"; true`));
    await until(() => lines.includes("ready"));
    await endpoint.stop(20_000);
    expect(await endpoint.exited).toBe("was killed by SIGTERM");
    expect(lines).toContain("child is done");
  });

  it("is killed with everything when it ignores that, also what left its session", async () => {
    const word = unusual();
    const endpoint = start(
      mode,
      shell(`trap '' TERM; setsid setsid sh -c "trap '' TERM; sleep ${word}; true" & echo ready; sleep ${word}; true`),
    );
    await until(() => lines.includes("ready") && processesWith(word).length >= 2);
    await endpoint.stop(200);
    expect(await endpoint.exited).toBe("was killed: it had not ended in the time that it had for that");
    expect(processesWith(word)).toEqual([]);
  });

  it("is measured with what left it", async () => {
    const endpoint = start(mode, {
      command: [
        python,
        "-c",
        "import os, time\nif os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0:\n    x = b'x' * (80 << 20)\n    print('ready', flush=True)\n    time.sleep(600)\n  os._exit(0)\ntime.sleep(600)",
      ],
    });
    await until(() => lines.includes("ready"));
    expect(await processMemory(endpoint.pid)).toBeGreaterThan(80 * MEBIBYTE);
    await endpoint.stop(0);
  });

  it("prints what it likes, at little cost", async () => {
    const endpoint = start(mode, shell("yes flood & sleep 60"));
    await until(() => lines.some((line) => /^\d+ lines left out/.test(line)));
    expect(lines.filter((line) => line === "flood").length).toBeLessThan(3_000);
    await endpoint.stop(0);
    const long = start(mode, { command: [python, "-c", "import sys\nfor _ in range(200): sys.stdout.write('x' * (1 << 16))"] });
    await until(() => lines.length > 0);
    expect(lines[0]?.length).toBeLessThan(20_000);
    await long.stop(0);
  });

  it("is killed when it fills its folders", async () => {
    const endpoint = start(mode, {
      ...shell("dd if=/dev/zero of=$HOME/full bs=65536 count=64 2>/dev/null; sleep 60"),
      resources: { diskLimit: MEBIBYTE },
    });
    expect(await endpoint.exited).toMatch(
      /^was killed for what it wrote to its own folders.*ephemeral-storage.*: it holds more than the 1024 KiB that it may$/,
    );
    const volume = start(mode, {
      ...shell("dd if=/dev/zero of=/cache/full bs=65536 count=64 2>/dev/null; sleep 60"),
      mounts: [{ path: "/cache", readOnly: false, source: { kind: "empty", sizeLimit: MEBIBYTE, inMemory: false } }],
    });
    expect(await volume.exited).toMatch(/^was killed because its volume at \/cache is full/);
  });

  it("is killed when it takes too much memory", async () => {
    const endpoint = start(mode, {
      command: [python, "-c", "import time\nx = b'x' * (300 << 20)\ntime.sleep(60)"],
      resources: { memoryLimit: 100 * MEBIBYTE },
    });
    expect(await endpoint.exited).toMatch(/^was killed for memory: .*may use 100 MiB \(resources.limits.memory\)$/);
  });

  it("runs commands beside the program, ends them when nobody waits, and tells the last of what they print", async () => {
    const endpoint = start(mode, { ...answering("x"), environment: [{ name: "GREETING", value: "hello" }] });
    await untilListening();
    expect(await endpoint.exec(["sh", "-c", 'echo "$GREETING"; pwd >&2; exit 7'], never)).toEqual({
      code: 7,
      output: `hello\n${join([...temporary][0] as string, "home")}\n`,
    });
    const { output } = await endpoint.exec([python, "-c", "print('x' * 9000 + 'end')"], never);
    expect(output).toMatch(/^x+end\n$/);
    expect(output).toHaveLength(4096);
    expect(await endpoint.exec(["nitrous-no-such-program"], never)).toMatchObject({
      code: 127,
      output: expect.stringMatching(/could not start/),
    });
    const word = unusual();
    const controller = new AbortController();
    const endless = endpoint.exec(["sh", "-c", `sleep ${word}; true`], controller.signal);
    await until(() => processesWith(word).length > 0);
    controller.abort(new Error("enough"));
    await expect(endless).rejects.toThrow("enough");
    await until(() => processesWith(word).length === 0);
    await endpoint.stop(0);
  });

  it("has so many processors", async () => {
    const endpoint = start(mode, { ...shell("nproc; cat /proc/self/cgroup; sleep 60"), resources: { processorLimit: 0.5 } });
    await until(() => lines.length > 1);
    expect(lines[0] === "1" || lines.some((line) => line.includes("/nitrous-host-"))).toBe(true);
    if (mode === "open") expect(lines[0]).toBe("1");
    await endpoint.stop(0);
  });

  it("has no core files and a sane number of open files", async () => {
    const endpoint = start(mode, shell("ulimit -c; ulimit -n; sleep 60"));
    await until(() => lines.length === 2);
    expect(lines[0]).toBe("0");
    expect(Number(lines[1])).toBeLessThanOrEqual(65_536);
    await endpoint.stop(0);
  });

  it.skipIf(process.getuid?.() !== 0)("runs as another user where the server is root", async () => {
    const endpoint = start(mode, { ...shell('id -u; id -g; echo x > "$HOME/x" && echo written; sleep 60'), user: 1234, group: 5678 });
    await until(() => lines.length >= 3);
    expect(lines).toEqual(["1234", "5678", "written"]);
    await endpoint.stop(0);
  });

  it("is stopped before it has started", async () => {
    const endpoint = start(mode, answering("x"));
    const connected = endpoint.connect(8080);
    void endpoint.stop(0);
    await expect(connected).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(await endpoint.exited).toBeTypeOf("string");
  });
});

it("says at once what its spec names and is not there", () => {
  const secret = { kind: "secret", namespace: "default", object: "token", key: "other" } as const;
  expect(() => start("open", { ...shell("true"), environment: [{ name: "A", from: secret, optional: false }] })).toThrow(
    /has no key "other"/,
  );
  expect(() => start("open", {})).toThrow(/it has no command/);
  const missing = { path: "/mnt/models", readOnly: true, source: { kind: "folder", path: "/nitrous/nowhere" } } as const;
  expect(() => start("open", { ...shell("true"), mounts: [missing] })).toThrow(
    /\/nitrous\/nowhere, which it mounts at \/mnt\/models, is not there/,
  );
});

it.skipIf(machine.problem !== undefined)("reaches nothing outside in a private network", async () => {
  const other = start("open", answering("outside"));
  await untilListening();
  const port = (await other.connect(8080)).remotePort;
  const endpoint = start("namespaces", answering("inside"));
  await untilListening();
  const { output } = await endpoint.exec(
    [
      python,
      "-c",
      `import socket\ntry: socket.create_connection(("127.0.0.1", ${port}), 2); print("reached")\nexcept OSError as error: print("refused")`,
    ],
    never,
  );
  expect(output).toBe("refused\n");
  await Promise.all([other.stop(0), endpoint.stop(0)]);
});

describe("when the server is killed", () => {
  async function startElsewhere(word: string): Promise<{ kill(): Promise<void>; launcher: number; directory: string }> {
    const directory = mkdtempSync(join(folder, "record-"));
    const resources = { memoryLimit: 200 * MEBIBYTE, processorLimit: 1 };
    const spec = specOf(container({ ...shell(`setsid setsid sleep ${word} & echo ready; sleep ${word}; true`), resources }));
    const child = spawn(process.execPath, ["--import", "tsx", SERVER_OF_SERVERS, JSON.stringify(spec), directory], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    await until(() => /launcher \d+/.test(output) && output.includes("ready") && processesWith(word).length >= 2);
    return {
      launcher: Number(/launcher (\d+)/.exec(output)?.[1]),
      directory,
      async kill() {
        child.kill("SIGKILL");
        await once(child, "exit");
      },
    };
  }

  interface Recorded {
    readonly folder: string;
    readonly groups: readonly string[];
  }

  function recordIn(directory: string): Recorded {
    const [file = ""] = readdirSync(join(directory, "processes"));
    return JSON.parse(readFileSync(join(directory, "processes", file), "utf8")).processes[0];
  }

  it("nothing is left", async () => {
    const word = unusual();
    const { kill, directory } = await startElsewhere(word);
    const { folder: own, groups } = recordIn(directory);
    expect(existsSync(own)).toBe(true);
    await kill();
    await until(() => processesWith(word).length === 0 && !existsSync(own));
    await until(() => groups.filter(existsSync).length === 0);
  });

  it("and its launcher with it, the next start removes what is left", async () => {
    const word = unusual();
    const { kill, launcher, directory } = await startElsewhere(word);
    const { folder: own, groups } = recordIn(directory);
    // It can do nothing when the server is gone.
    process.kill(launcher, "SIGSTOP");
    await kill();
    expect(processesWith(word).length).toBeGreaterThan(0);
    expect(endLeftovers(directory)).toContain(launcher);
    await until(() => processesWith(word).length === 0);
    expect(existsSync(own)).toBe(false);
    await until(() => groups.filter(existsSync).length === 0);
  });
});
