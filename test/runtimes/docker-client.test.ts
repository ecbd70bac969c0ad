import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { type Containers, createContainers, findEngines } from "../../src/executors/index.ts";
import { limits, shell } from "./container-specs.ts";
import { buildSmallImage, CONTAINERS_CONF, findPodman } from "./engine.ts";

const hasClient = await promisify(execFile)("docker", ["--version"]).then(
  ({ stdout }) => stdout.includes("Docker version"),
  () => false,
);
const problem = hasClient ? (await findPodman()).problem : "there is no program docker";

describe.skipIf(problem !== undefined)("containers with the program docker, whose daemon podman stands in for", () => {
  let folder: string;
  let service: ChildProcess;
  let containers: Containers;
  let environment: NodeJS.ProcessEnv;
  const lines: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "nitrous-docker-"));
    await buildSmallImage();
    const socket = join(folder, "podman.sock");
    // Podman's service gets no words about limits and runtimes from docker.
    const configuration = join(folder, "containers.conf");
    await writeFile(configuration, CONTAINERS_CONF);
    const env = { ...process.env, CONTAINERS_CONF: configuration };
    service = spawn("podman", ["system", "service", "--time=0", `unix://${socket}`], { stdio: "ignore", cwd: folder, env });
    while (!existsSync(socket)) await delay(50);
    environment = { ...process.env, DOCKER_HOST: `unix://${socket}` };
    const objects = { secrets: undefined, configMaps: undefined };
    const onLog = (_host: string, line: string): void => void lines.push(line);
    containers = createContainers({ engine: "docker", directory: folder, objects, onLog, clock: systemClock, environment });
  });

  afterAll(async () => {
    await containers?.close();
    service?.kill();
    if (service !== undefined) await once(service, "exit");
    await rm(folder, { recursive: true, force: true });
  });

  it("are run, reached, asked and stopped with the same words", async () => {
    await mkdir(join(folder, "model"));
    await writeFile(join(folder, "model", "index.html"), "a model");
    const endpoint = containers.start(
      shell("echo $A; exec httpd -f -p 8080 -h /mnt/models", {
        environment: [{ name: "A", value: "of the spec" }],
        ports: [{ name: undefined, number: 8080 }],
        mounts: [
          { path: "/mnt/models", readOnly: true, source: { kind: "folder", path: join(folder, "model") } },
          { path: "/work", readOnly: false, source: { kind: "empty", sizeLimit: 2 ** 20, inMemory: true } },
        ],
        ...limits({ memoryLimit: 64 * 2 ** 20, processorLimit: 0.5 }),
      }),
    );
    const signal = new AbortController().signal;
    expect(await endpoint.exec(["sh", "-c", "grep CapEff /proc/self/status; touch /work/a; exit 4"], signal)).toEqual({
      code: 4,
      output: "CapEff:\t0000000000000000\n",
    });
    const socket = await endpoint.connect(8080);
    socket.write("GET /index.html HTTP/1.0\r\n\r\n");
    let answer = "";
    for await (const piece of socket) answer += piece;
    expect(answer).toContain("a model");
    expect(lines).toContain("of the spec");
    await endpoint.stop(5_000);
    expect(await endpoint.exited).toMatch(/exit code 1[34]/);
  });

  it.each([
    ["exit 3", "exited with code 3"],
    ["sh -c 'kill -SEGV $$'; exit $?", "was ended by SIGSEGV"],
  ])("say how they ended: %s", async (script, expected) => {
    expect(await containers.start(shell(script)).exited).toContain(expected);
  });

  it("do not start without their image", async () => {
    const host = shell("true", { image: "localhost/nothing:1", imagePullPolicy: "Never" });
    expect(await containers.start(host).exited).toContain("could not start: the image localhost/nothing:1 is not on this machine");
  });

  it("are not run by a daemon that is not there", async () => {
    const found = await findEngines({ ...environment, DOCKER_HOST: `unix://${folder}/nothing.sock` });
    expect(found.find(({ kind }) => kind === "docker")?.problem).toContain("the Docker daemon does not run");
  });
});
