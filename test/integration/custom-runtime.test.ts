import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../../src/environments/run.ts";
import { nitrous } from "../cli-process.ts";
import { consoleCommands, expectedOutput } from "../console-commands.ts";
import { manifestOf, type PageRuntime, pageRuntime, pageService } from "../kserve-page/blocks.ts";
import { type ServerProcess, startServer } from "../server-process.ts";
import { applyReady, ask, untilService } from "../service-process.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const EXAMPLE = join(root, "examples/custom-runtime");
const PAGE_FILES = join(root, "test/kserve-page");
const page = await readFile(join(root, "docs/custom-runtimes.md"), "utf8");
const asProcess = page.split("## As a process\n")[1]?.split("\n## ")[0] ?? "";
const request = JSON.parse(await readFile(join(EXAMPLE, "request.json"), "utf8")) as object;

let folder: string;
let server: ServerProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-custom-runtime-"));
  server = await startServer([]);
});

afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function write(name: string, ...objects: readonly object[]): Promise<string> {
  const file = join(folder, `${name}.yaml`);
  await writeFile(file, manifestOf(...objects));
  return file;
}

/** The page's runtime for a program of this machine in place of its image, with the packages of the example. */
function withProgram(runtime: PageRuntime, name: string, program: string): PageRuntime {
  const { image, ...container } = runtime.spec.containers[0];
  const annotations = { "nitrous/requirements": join(EXAMPLE, "requirements.txt") };
  const spec = { ...runtime.spec, containers: [{ ...container, command: ["python", program] }] as PageRuntime["spec"]["containers"] };
  return { ...runtime, metadata: { ...runtime.metadata, name, annotations }, spec } as PageRuntime;
}

/** The variables of a program below a process, as the kernel tells them. */
function variablesBelow(ancestor: number, program: string): Record<string, string> {
  const parentOf = (pid: string): string => /^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "0";
  const isBelow = (pid: string): boolean => pid !== "0" && (pid === String(ancestor) || isBelow(parentOf(pid)));
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      if (!words[0]?.includes("python") || words[1] !== program || !isBelow(pid)) continue;
      const lines = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").filter(Boolean);
      return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
    } catch {
      // It has ended meanwhile.
    }
  }
  throw new Error(`there is no ${program}`);
}

describe("KServe's custom runtime as a process", () => {
  it.each(consoleCommands(asProcess))("docs/custom-runtimes.md: $command", async ({ command, output }) => {
    const text = command.replaceAll("http://127.0.0.1:8080", server.url);
    const printed = await run(["sh", "-c", `cd '${root}' && ${text}`], { environment: { NITROUS_SERVER: server.url } });
    const narrow = (table: string): string => table.replace(/ {2,}/g, "  ").replace(/ +$/gm, "");
    expect(narrow(printed.trimEnd().replaceAll(server.url, "http://127.0.0.1:8080"))).toMatch(expectedOutput(narrow(output)));
  });

  it("gives the program the variables of the page", async () => {
    expect(variablesBelow(server.child.pid as number, "custom_runtime.py")).toMatchObject({
      BATCH_SIZE: "32",
      TIMEOUT: "60",
      WORKERS: "4",
      MODEL_NAME: "flowers",
      MODEL_PATH: "/mnt/models",
    });
  });

  it("runs the page's program word for word, though it cannot describe its model", async () => {
    const runtime = withProgram(pageRuntime("my-custom-runtime"), "word-for-word", join(PAGE_FILES, "custom_runtime.py"));
    const env = [{ name: "MODEL_PATH", value: "/mnt/models" }];
    const service = pageService({ name: "words", runtime: "word-for-word", storageUri: `file://${EXAMPLE}/model`, env });
    await applyReady(server.url, [await write("words", runtime, service)]);
    expect(await ask(server.url, "/v1/models/words:predict", request, { "content-type": "application/json" })).toEqual({
      status: 200,
      body: { predictions: [0, 2] },
    });
  });
});

describe("which runtime serves a model", () => {
  const MODEL = `file://${join(root, "examples/models/iris/2")}`;

  it("is the one of the format when none is named", async () => {
    await applyReady(server.url, [await write("by-format", pageService({ name: "by-format", format: "sklearn", storageUri: MODEL }))]);
    const { status } = await untilService(server.url, "by-format", () => true);
    expect(status?.clusterServingRuntimeName).toBe("kserve-sklearnserver");
    const custom = await untilService(server.url, "flowers", () => true);
    expect(custom.status?.servingRuntimeName).toBe("my-custom-runtime");
  });

  it("is the one that is named, if that has the format", async () => {
    const storageUri = `file://${EXAMPLE}/model`;
    const service = pageService({ name: "named", format: "sklearn", runtime: "my-custom-runtime", storageUri });
    const refused = await nitrous(["apply", "--server", server.url, "-f", await write("named", service), "--wait", "60"]);
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining("Specified runtime does not support specified framework/version: 'my-custom-runtime' does not support"),
    ]);
    const runtime = withProgram(pageRuntime("my-custom-runtime"), "my-custom-runtime", join(EXAMPLE, "custom_runtime.py"));
    runtime.spec.supportedModelFormats = [{ name: "custom-format", version: "1" }, { name: "sklearn" }];
    const env = [{ name: "MODEL_PATH", value: "/mnt/models" }];
    const again = pageService({ name: "named", format: "sklearn", runtime: "my-custom-runtime", storageUri, env });
    await applyReady(server.url, [await write("named", runtime, again)]);
    expect((await ask(server.url, "/v1/models/named:predict", request)).body).toEqual({ predictions: [0, 2] });
    const { status } = await untilService(server.url, "named", () => true);
    expect(status?.servingRuntimeName).toBe("my-custom-runtime");
  });
});

describe("the page's blocks about GPUs", () => {
  const observer = (name: string): PageRuntime => {
    const runtime = withProgram(pageRuntime(name), name, join(PAGE_FILES, "observer.py"));
    return { ...runtime, metadata: { name } };
  };
  let fake: ServerProcess;

  beforeAll(async () => {
    await writeFile(join(folder, "devices"), "0, GPU-fake-0, Fake GPU, 1000, 0\n");
    fake = await startServer([], [], {
      environment: {
        PATH: `${join(root, "test/fake-nvidia-smi")}${delimiter}${process.env.PATH ?? ""}`,
        FAKE_NVIDIA_SMI_DEVICES: join(folder, "devices"),
      },
    });
  });
  afterAll(async () => {
    await fake?.stop();
  });

  it.each(["gpu-optimization", "resource-requirements"])("%s: the program sees the GPU that it was given", async (name) => {
    const files = [await write(name, observer(name), pageService({ name, runtime: name }))];
    await applyReady(fake.url, files);
    const { body } = await ask(fake.url, `/v1/models/${name}:predict`, { instances: [1] });
    const [{ environment }] = (body as { predictions: [{ environment: object }] }).predictions;
    expect(environment).toMatchObject({ CUDA_VISIBLE_DEVICES: "GPU-fake-0" });
    if (name === "gpu-optimization") expect(environment).toMatchObject({ TENSORRT_OPTIMIZATION: "true" });
    await nitrous(["delete", "--server", fake.url, ...files.flatMap((file) => ["-f", file])]);
  });

  it.each(["gpu-optimization", "resource-requirements"])("%s: what a machine without one says", async (name) => {
    await nitrous(["apply", "--server", server.url, "-f", await write(name, observer(name), pageService({ name, runtime: name }))]);
    const { status } = await untilService(server.url, name, (service) => service.status?.modelStatus.lastFailureInfo !== undefined);
    expect(status?.modelStatus.lastFailureInfo?.message).toContain("it asks for nvidia.com/gpu: 1, and this machine has no GPU");
  });
});
