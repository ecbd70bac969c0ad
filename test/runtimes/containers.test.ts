import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type Clock, systemClock } from "../../src/core/clock.ts";
import type { ContainerSpec } from "../../src/core/container.ts";
import type { ServerEndpoint } from "../../src/core/upstream.ts";
import { serverLabel } from "../../src/executors/containers/ownership.ts";
import { type Containers, createContainers, processMemory } from "../../src/executors/index.ts";
import { hostOf, limits, shell } from "./container-specs.ts";
import { buildPythonImage, buildSmallImage, containersLabelled, findPodman, SMALL_IMAGE } from "./engine.ts";

const { problem } = await findPodman();
if (problem !== undefined) process.stderr.write(`tests of containers are skipped: ${problem}\n`);

const MEBIBYTE = 2 ** 20;
const PORT = { name: "http1", number: 8080 };
/** What waits for seconds does so for less. */
const hasty: Clock = { ...systemClock, after: (wait, callback) => systemClock.after(Math.min(wait, 100), callback) };

describe.skipIf(problem !== undefined)(`containers with podman${problem === undefined ? "" : ` (${problem})`}`, () => {
  let directory: string;
  let containers: Containers;
  const lines: string[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "nitrous-containers-"));
    await buildSmallImage();
    containers = open(directory);
  });

  afterEach(async () => {
    lines.length = 0;
    // Whatever a test did: nothing is left.
    expect(await containersLabelled(`nitrous.server=${serverLabel(directory)}`)).toEqual([]);
  });

  afterAll(async () => {
    await containers?.close();
    await rm(directory, { recursive: true, force: true });
  });

  function open(folder: string): Containers {
    const objects = { secrets: join(folder, "secrets"), configMaps: join(folder, "config-maps") };
    return createContainers({ engine: "podman", directory: folder, objects, onLog: (_host, line) => lines.push(line), clock: hasty });
  }

  it("runs what the image says, or what the spec says in its place", async () => {
    await containers.start(hostOf({})).exited;
    expect(lines).toEqual(["said by the image"]);
    lines.length = 0;
    await containers.start(hostOf({ arguments: ["-c", "echo $0 $FROM_IMAGE; pwd", "given"], workingDirectory: "/tmp" })).exited;
    expect(lines).toEqual(["given yes", "/tmp"]);
  });

  it("gives what the spec says and no privilege", async () => {
    await mkdir(join(directory, "model"));
    await writeFile(join(directory, "model", "weights"), "seven");
    await mkdir(join(directory, "secrets/default/token"), { recursive: true });
    await writeFile(join(directory, "secrets/default/token/key"), "of the secret\n");
    const of = { kind: "secret", namespace: "default", object: "token" } as const;
    const script = [
      "grep -E 'CapEff|NoNewPrivs|Seccomp:' /proc/self/status",
      "id -u; id -g",
      "cat /mnt/models/weights; echo",
      "touch /mnt/models/more || echo read-only",
      "cat /etc/token/key",
      "echo $BATCH_SIZE $KEY $CUDA_VISIBLE_DEVICES",
      "touch /work/there /memory/there && ls /work /memory",
      "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null",
      "cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null",
      "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu.max 2>/dev/null",
    ].join("\n");
    const mounts: ContainerSpec["mounts"] = [
      { path: "/mnt/models", readOnly: true, source: { kind: "folder", path: join(directory, "model") } },
      { path: "/etc/token", readOnly: true, source: { kind: "object", of, items: undefined, optional: false } },
      { path: "/work", readOnly: false, source: { kind: "empty", sizeLimit: undefined, inMemory: false } },
      { path: "/memory", readOnly: false, source: { kind: "empty", sizeLimit: MEBIBYTE, inMemory: true } },
    ];
    const spec = shell(script, {
      mounts,
      environment: [
        { name: "BATCH_SIZE", value: "32" },
        { name: "KEY", from: { ...of, key: "key" }, optional: false },
      ],
      user: 1000,
      group: 1001,
      ...limits({ memoryLimit: 64 * MEBIBYTE, processorLimit: 0.5 }),
    });
    expect(await containers.start({ ...spec, environment: { CUDA_VISIBLE_DEVICES: "" } }).exited).toMatch(/^exited with code/);
    expect(lines.join("\n")).toMatch(/CapEff:\t0000000000000000/);
    expect(lines).toEqual(expect.arrayContaining(["NoNewPrivs:\t1", "Seccomp:\t2", "1000", "1001", "seven", "read-only", "of the secret"]));
    expect(lines).toEqual(expect.arrayContaining(["32 of the secret", "/work:", "there", String(64 * MEBIBYTE), "4096"]));
    expect(lines.join("\n")).toMatch(/^50000( 100000)?$/m);
    expect(existsSync(join(directory, "model", "more"))).toBe(false);
  });

  it("says at once which secret is missing", () => {
    const from = { kind: "secret", namespace: "default", object: "nothing", key: "key" } as const;
    expect(() => containers.start(shell("true", { environment: [{ name: "A", from, optional: false }] }))).toThrow("nothing");
  });

  it.each(["private", "host"] as const)("is reached at its port on its %s network, and measured", async (network) => {
    const script = "mkdir -p /tmp/www; echo it is served >/tmp/www/index.html; exec httpd -f -p 8080 -h /tmp/www";
    const endpoint = containers.start(shell(script, { ports: [PORT], network }));
    expect(await firstAnswer(endpoint, 8080)).toContain("it is served");
    expect(await readFile(`/proc/${endpoint.pid}/comm`, "utf8")).toBe("httpd\n");
    expect(await processMemory(endpoint.pid)).toBeGreaterThan(0);
    const signal = new AbortController().signal;
    expect(await endpoint.exec(["sh", "-c", "echo said; echo wrong >&2; exit 3"], signal)).toEqual({ code: 3, output: "said\nwrong\n" });
    await endpoint.stop(10_000);
  });

  it("names the ports that the program listens on in the place of its own", async () => {
    const endpoint = containers.start(shell("exec httpd -f -p 9999 -h /tmp", { ports: [PORT] }));
    await expect
      .poll(() => endpoint.connect(8080).then(String, String), { timeout: 20_000 })
      .toMatch(/listens on 9999, and its spec says 8080/);
    await endpoint.stop(0);
  });

  it("gives an exec up with its signal", async () => {
    const endpoint = containers.start(shell("sleep 1000"));
    const running = endpoint.exec(["sleep", "1000"], AbortSignal.timeout(2_000));
    await expect(running).rejects.toThrow();
    await endpoint.stop(0);
  });

  it.each([
    ["exits", "exit 3", {}, "exited with code 3"],
    ["is killed", "sh -c 'kill -SEGV $$'; exit $?", {}, "was ended by SIGSEGV (exit code 139)"],
    ["is not there", "", { command: ["/bin/nothing"] }, "could not start: "],
    [
      "uses too much memory",
      "tail /dev/zero",
      limits({ memoryLimit: 32 * MEBIBYTE }),
      "was killed because it used more memory than its limit of 32 MiB",
    ],
    [
      "fills its disk",
      "dd if=/dev/zero of=/tmp/fill bs=1M count=20; sleep 1000",
      limits({ diskLimit: 10 * MEBIBYTE }),
      "wrote more than the 10 MiB",
    ],
  ] as const)("says how a program ended that %s", async (_what, script, more, expected) => {
    expect(await containers.start(shell(script, more)).exited).toContain(expected);
  });

  it("ends a program that fills a folder with a limit", async () => {
    const source = { kind: "empty", sizeLimit: 4 * MEBIBYTE, inMemory: false } as const;
    const mounts = [{ path: "/work", readOnly: false, source }];
    const endpoint = containers.start(shell("dd if=/dev/zero of=/work/fill bs=1M count=8; sleep 1000", { mounts }));
    expect(await endpoint.exited).toBe("was ended because it wrote more than the 4 MiB that it may to /work");
  });

  it("ends a program that does not hear the request to end, and one that has no handler without waiting", async () => {
    const stubborn = containers.start(shell("trap 'echo heard' TERM; echo begun; while true; do sleep 0.1; done"));
    await expect.poll(() => lines, { timeout: 20_000 }).toContain("begun");
    await stubborn.stop(1_000);
    expect(lines).toContain("heard");
    const deaf = containers.start(shell("echo deaf; exec sleep 1000"));
    await expect.poll(() => lines, { timeout: 20_000 }).toContain("deaf");
    const begun = Date.now();
    await deaf.stop(60_000);
    expect(Date.now() - begun).toBeLessThan(60_000);
  });

  it("ends a program at once when a later request is in more of a hurry", async () => {
    const stubborn = containers.start(shell("trap 'echo heard' TERM; echo begun; while true; do sleep 0.1; done"));
    await expect.poll(() => lines, { timeout: 20_000 }).toContain("begun");
    const begun = Date.now();
    void stubborn.stop(120_000);
    await expect.poll(() => lines, { timeout: 20_000 }).toContain("heard");
    await stubborn.stop(0);
    expect(Date.now() - begun).toBeLessThan(120_000);
  });

  it("leaves lines of a flood out", async () => {
    const endpoint = containers.start(shell("yes 'a line of a flood'"));
    await expect.poll(() => lines.join("\n"), { timeout: 30_000 }).toContain("lines left out");
    await endpoint.stop(0);
    expect(endpoint.logTail().length).toBeLessThanOrEqual(40);
  });

  it("can be stopped before it has started", async () => {
    const endpoint = containers.start(shell("sleep 1000"));
    await endpoint.stop(0);
    expect(await endpoint.exited).toMatch(/before it had started|SIGKILL/);
  });

  describe("an image", () => {
    const signal = new AbortController().signal;
    const prepared = async (more: Partial<ContainerSpec>): Promise<string[]> => {
      const steps: string[] = [];
      await containers.prepare(hostOf(more), (step) => steps.push(step), signal);
      return steps;
    };

    it("that is here is used", async () => {
      expect(await prepared({})).toEqual([]);
      expect(await prepared({ imagePullPolicy: "Never" })).toEqual([]);
    });

    it("that cannot be pulled again and is here is used, which is reported", async () => {
      const steps = await prepared({ imagePullPolicy: "Always" });
      expect(steps[0]).toBe(`pulling the image ${SMALL_IMAGE} with podman`);
      expect(steps.at(-1)).toContain("the one that is on this machine is used");
    });

    it("that is missing is an error with what to do", async () => {
      const image = "127.0.0.1:1/nothing:1";
      await expect(prepared({ image, imagePullPolicy: "Never" })).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
      const pulled = prepared({ image });
      await expect(pulled).rejects.toMatchObject({ code: "UNAVAILABLE" });
      await expect(pulled).rejects.toThrow("the registry cannot be reached from here");
    });
  });

  it("runs Python of a Debian root", async () => {
    const image = await buildPythonImage();
    const code = "import http.server; http.server.test(http.server.SimpleHTTPRequestHandler, port=8080, bind='0.0.0.0')";
    const endpoint = containers.start(hostOf({ image, command: ["python3", "-u", "-c", code], ports: [PORT], user: 1000 }));
    expect(await firstAnswer(endpoint, 8080)).toContain("Directory listing");
    await endpoint.stop(5_000);
  });

  describe("of a server that was killed", () => {
    it("are removed by what outlives it, and their folders at the next start", async () => {
      const server = await startAnother(directory);
      server.kill("SIGKILL");
      await expect.poll(() => containersLabelled(`nitrous.server=${serverLabel(directory)}`), { timeout: 30_000 }).toEqual([]);
      expect(await open(directory).removeLeftovers()).toEqual([]);
      expect(await readdir(join(directory, "containers"))).toEqual([]);
    });

    it("are removed at the next start when that was killed too, and those of others are left alone", async () => {
      const elsewhere = await mkdtemp(join(tmpdir(), "nitrous-containers-"));
      const other = await startAnother(elsewhere);
      const living = await startAnother(directory);
      const server = await startAnother(directory);
      for (const below of await childrenOf(server.pid as number)) kill(below);
      server.kill("SIGKILL");
      await once(server, "exit");
      const label = `nitrous.server=${serverLabel(directory)}`;
      const before = await containersLabelled(label);
      expect(before).toHaveLength(2);
      const [removed] = await open(directory).removeLeftovers();
      expect(before).toContain(removed);
      expect(await containersLabelled(label)).toEqual(before.filter((name) => name !== removed));
      expect(await containersLabelled(`nitrous.server=${serverLabel(elsewhere)}`)).toHaveLength(1);
      for (const one of [other, living]) one.kill("SIGTERM");
      await Promise.all([other, living].map((one) => once(one, "exit")));
      expect(await containersLabelled(`nitrous.server=${serverLabel(elsewhere)}`)).toEqual([]);
      await rm(elsewhere, { recursive: true, force: true });
    });
  });
});

/** A server process of its own with one container, which runs. */
async function startAnother(directory: string) {
  const program = fileURLToPath(new URL("container-owner.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", "tsx", program, directory], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  expect(String(said)).toBe("running\n");
  return child;
}

/** Some are commands that end by themselves meanwhile. */
function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

/** Of a process itself, not of those below. */
async function childrenOf(pid: number): Promise<number[]> {
  const lists = (await readdir(`/proc/${pid}/task`)).map((thread) =>
    readFile(`/proc/${pid}/task/${thread}/children`, "utf8").catch(() => ""),
  );
  return (await Promise.all(lists)).flatMap((list) => list.split(" ").filter(Boolean).map(Number));
}

/** What the program says to a GET, once it listens. */
async function firstAnswer(endpoint: ServerEndpoint, port: number): Promise<string> {
  let hasEnded = false;
  void endpoint.exited.then(() => {
    hasEnded = true;
  });
  while (!hasEnded) {
    const answer = await ask(endpoint, port).catch(() => "");
    if (answer !== "") return answer;
    await delay(50);
  }
  throw new Error(`it ended: ${[await endpoint.exited, ...endpoint.logTail()].join("\n")}`);
}

async function ask(endpoint: ServerEndpoint, port: number): Promise<string> {
  const socket = await endpoint.connect(port);
  socket.write("GET / HTTP/1.0\r\n\r\n");
  let answer = "";
  for await (const piece of socket) answer += piece;
  return answer;
}
