import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nitrous } from "../cli-process.ts";
import { consoleCommands, expectedOutput } from "../console-commands.ts";
import { manifestOf, pageRuntime, pageService } from "../kserve-page/blocks.ts";
import { type ServerProcess, startServer } from "../server-process.ts";
import { applyReady, ask, untilService } from "../service-process.ts";
import { containersLabelled, findPodman } from "./engine.ts";
import { BUILD_WORDS, buildPageImages, removePageImages } from "./page-images.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../", import.meta.url));
const EXAMPLE = join(root, "examples/custom-runtime");
const page = await readFile(join(root, "docs/custom-runtimes.md"), "utf8");
const asContainer = consoleCommands(page.split("## As a container\n")[1]?.split("\n## ")[0] ?? "");
const { problem } = await findPodman();

/** What the observer says about itself. */
interface Seen {
  readonly environment: Readonly<Record<string, string>>;
  readonly cache: { readonly found: readonly string[]; readonly kept: number } | null;
  readonly probes: Readonly<Record<string, number>>;
}

describe.skipIf(problem !== undefined)(`the blocks of KServe's page as containers${problem === undefined ? "" : ` (${problem})`}`, () => {
  let folder: string;
  let server: ServerProcess;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "nitrous-page-"));
    await buildPageImages();
    server = await startServer([], ["--container-engine", "podman"]);
    // Its end takes the page's 30 seconds and three failures: the last test looks at it.
    const unwell = { name: "unwell", runtime: "health-checks", env: [{ name: "UNWELL", value: "yes" }] };
    await nitrous(["apply", "--server", server.url, "-f", await write("unwell", pageRuntime("health-checks"), pageService(unwell))]);
  }, 1_200_000);

  afterAll(async () => {
    await server?.stop();
    expect(await containersLabelled("nitrous.host")).toEqual([]);
    await removePageImages();
    await rm(folder, { recursive: true, force: true });
  });

  async function write(name: string, ...objects: readonly object[]): Promise<string> {
    const file = join(folder, `${name}.yaml`);
    await writeFile(file, manifestOf(...objects));
    return file;
  }

  async function seen(name: string, url = server.url): Promise<Seen> {
    const { status, body } = await ask(url, `/v1/models/${name}:predict`, { instances: [1] });
    expect(status, JSON.stringify(body)).toBe(200);
    return (body as { predictions: [Seen] }).predictions[0];
  }

  async function containerOf(name: string): Promise<string> {
    const found = await containersLabelled(`nitrous.host=${name}/1`);
    expect(found).toHaveLength(1);
    return found[0] as string;
  }

  const failureOf = async (name: string, url = server.url): Promise<string | undefined> => {
    const { status } = await untilService(url, name, (service) => service.status?.modelStatus.lastFailureInfo !== undefined);
    return status?.modelStatus.lastFailureInfo?.message;
  };

  describe("the custom runtime, by the commands of docs/custom-runtimes.md", () => {
    beforeAll(async () => {
      const files = ["runtime.yaml", "service.yaml"].map((name) => join(EXAMPLE, name));
      await applyReady(server.url, files, 170);
    });

    // The last one deletes.
    it.each(asContainer.slice(0, -1))("$command", follow);

    it("has its variables, its probes and its limits", async () => {
      const container = await containerOf("flowers");
      const { stdout } = await run("podman", ["exec", container, "env"]);
      const expected = ["MAX_BATCH_SIZE=32", "BATCH_TIMEOUT=100ms", "MODEL_NAME=flowers", "MODEL_PATH=/mnt/models"];
      expect(stdout.split("\n")).toEqual(expect.arrayContaining(expected));
      expect(await limitsOf(container)).toEqual({ memory: 4 * 2 ** 30, processors: 2 });
      const logs = await nitrous(["logs", "flowers", "--server", server.url]);
      expect(logs.stdout).toContain('"GET /health/ready HTTP/1.1" 200');
    });

    it.each(asContainer.slice(-1))("$command", follow);

    async function follow({ command, output }: { readonly command: string; readonly output: string }): Promise<void> {
      const text = command.replaceAll("http://127.0.0.1:8080", server.url).replace("podman build", `podman build ${BUILD_WORDS.join(" ")}`);
      const { stdout } = await run("sh", ["-c", `cd '${root}' && ${text}`], { env: { ...process.env, NITROUS_SERVER: server.url } });
      expect(stdout.trimEnd().replaceAll(server.url, "http://127.0.0.1:8080")).toMatch(expectedOutput(output));
    }
  });

  async function limitsOf(container: string): Promise<{ readonly memory: number; readonly processors: number }> {
    const words = ["inspect", "--format", "{{.HostConfig.Memory}} {{.HostConfig.CpuQuota}} {{.HostConfig.CpuPeriod}}", container];
    const [memory = 0, quota = 0, period = 1] = (await run("podman", words)).stdout.trim().split(" ").map(Number);
    return { memory, processors: quota / period };
  }

  it.each([
    ["configured-runtime", { BATCH_SIZE: "32", TIMEOUT: "60", WORKERS: "4" }],
    ["batching", { MAX_BATCH_SIZE: "32", BATCH_TIMEOUT: "100ms" }],
  ])("%s: its variables reach the program", async (name, expected) => {
    await applyReady(server.url, [await write(name, pageRuntime(name), pageService({ name, runtime: name }))]);
    expect((await seen(name)).environment).toMatchObject(expected);
  });

  it("resource-requirements: its limits but for the GPU", async () => {
    const runtime = pageRuntime("resource-requirements");
    const [container] = runtime.spec.containers;
    for (const side of Object.values(container.resources ?? {})) Reflect.deleteProperty(side, "nvidia.com/gpu");
    await applyReady(server.url, [await write("limits", runtime, pageService({ name: "limits", runtime: "resource-requirements" }))]);
    expect(await limitsOf(await containerOf("limits"))).toEqual({ memory: 8 * 2 ** 30, processors: 4 });
  });

  it("volume-mounts: an empty folder of its own, which goes with the container", async () => {
    const file = await write("volume-mounts", pageRuntime("volume-mounts"), pageService({ name: "cached", runtime: "volume-mounts" }));
    await applyReady(server.url, [file]);
    expect((await seen("cached")).cache).toEqual({ found: [], kept: 1000 });
    expect((await seen("cached")).cache).toEqual({ found: ["kept"], kept: 1000 });
    await nitrous(["evict", "cached", "--server", server.url]);
    await nitrous(["load", "cached", "--server", server.url]);
    expect((await seen("cached")).cache?.found).toEqual([]);
  });

  it("metrics-endpoints: what is on the metrics port is on this server's page", async () => {
    const file = await write("metrics", pageRuntime("metrics-endpoints"), pageService({ name: "measured", runtime: "metrics-endpoints" }));
    await applyReady(server.url, [file]);
    await seen("measured");
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toMatch(/^asked_total\{namespace="default",.*runtime="metrics-endpoints",.*\} 1$/m);
  });

  it("health-checks: no request before the readiness probe, which waits for its initial delay", async () => {
    const file = await write("checked", pageRuntime("health-checks"), pageService({ name: "checked", runtime: "health-checks" }));
    await applyReady(server.url, [file]);
    // Of the program's own start, which is a little later than the container's.
    expect((await seen("checked")).probes["/health/ready"]).toBeGreaterThan(8);
  });

  describe("multi-model-runtime", () => {
    const rows = { inputs: [{ name: "x", datatype: "FP64", shape: [2, 4], data: [5.1, 3.5, 1.4, 0.2, 6.3, 3.3, 6.0, 2.5] }] };
    const model = (name: string): object =>
      pageService({ name, format: "sklearn", runtime: "multi-model-runtime", storageUri: `file://${EXAMPLE}/model` });

    beforeAll(async () => {
      const files = [await write("runtime", pageRuntime("multi-model-runtime")), await write("one", model("one"))];
      await applyReady(server.url, [...files, await write("two", model("two"))]);
    });

    const states = async (): Promise<Record<string, string>> => {
      const { body } = await ask(server.url, "/v2/repository/models");
      return Object.fromEntries((body as Array<{ name: string; state: string }>).map(({ name, state }) => [name, state]));
    };

    it("is one server for two services", async () => {
      for (const name of ["one", "two"]) {
        const { body } = await ask(server.url, `/v2/models/${name}/infer`, rows);
        expect(body).toMatchObject({ model_name: name, outputs: [{ name: "predict", data: [0, 2] }] });
      }
      expect(await containersLabelled("nitrous.host=default/multi-model-runtime")).toHaveLength(1);
    });

    it("lists, unloads and loads", async () => {
      expect(await states()).toMatchObject({ one: "READY", two: "READY" });
      expect((await ask(server.url, "/v2/repository/models/one/unload", {})).status).toBe(200);
      expect(await states()).toMatchObject({ one: "UNAVAILABLE", two: "READY" });
      expect((await ask(server.url, "/v2/models/two/infer", rows)).status).toBe(200);
      expect((await ask(server.url, "/v2/repository/models/one/load", {})).status).toBe(200);
      expect((await ask(server.url, "/v2/models/one/infer", rows)).body).toMatchObject({ outputs: [{ data: [0, 2] }] });
    });
  });

  describe("the blocks about GPUs, as this machine has none", () => {
    it.each(["gpu-optimization", "resource-requirements"])("%s: says so", async (name) => {
      const service = pageService({ name, runtime: name });
      await nitrous(["apply", "--server", server.url, "-f", await write(name, pageRuntime(name), service)]);
      expect(await failureOf(name)).toContain("it asks for nvidia.com/gpu: 1, and this machine has no GPU");
    });

    it("says what podman lacks where a fake nvidia-smi tells of one", async () => {
      await writeFile(join(folder, "devices"), "0, GPU-fake-0, Fake GPU, 1000, 0\n");
      const environment = {
        PATH: `${join(root, "test/fake-nvidia-smi")}${delimiter}${process.env.PATH ?? ""}`,
        FAKE_NVIDIA_SMI_DEVICES: join(folder, "devices"),
      };
      const other = await startServer([], ["--container-engine", "podman"], { environment });
      try {
        const service = pageService({ name: "gpu", runtime: "gpu-optimization" });
        await nitrous(["apply", "--server", other.url, "-f", await write("gpu", pageRuntime("gpu-optimization"), service)]);
        expect(await failureOf("gpu", other.url)).toContain("nvidia-ctk cdi generate");
      } finally {
        await other.stop();
      }
    });
  });

  it("health-checks: a program that is not alive is ended and started again", async () => {
    await expect.poll(() => server.output(), { timeout: 120_000 }).toMatch(/unwell.*\/health\/live/);
  });
});
