import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ServerProcess, startServer } from "../server-process.ts";
import { applyReady, ask, isReady, serviceAt, untilService } from "../service-process.ts";

const STAND_INS = fileURLToPath(new URL("../stand-ins", import.meta.url));
/** The names under which runtimes start the servers that these tests do without. */
const NAMES = ["vllm", "text-generation-launcher", "text-embeddings-router", "tensorflow_model_server"];

let folder: string;
let server: ServerProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-stand-ins-"));
  await mkdir(join(folder, "bin"));
  for (const name of NAMES) await symlink(join(STAND_INS, `${name}-stand-in`), join(folder, "bin", name));
  await model("llama", "config.json");
  await model("flowers", "saved_model.pb");
  await model("numbered", "3/saved_model.pb", "12/saved_model.pb");
  await chmod(folder, 0o755);
  server = await startServer([], [], { environment: { PATH: `${join(folder, "bin")}${delimiter}${process.env.PATH}` } });
});
afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function model(name: string, ...files: string[]): Promise<void> {
  for (const file of files) {
    await mkdir(join(folder, name, file, ".."), { recursive: true });
    await writeFile(join(folder, name, file), "{}");
  }
}

/** YAML of a service as the page about runtimes writes it. */
async function apply(name: string, format: string, runtime: string, more: readonly string[] = [], folderName = "llama"): Promise<string> {
  const file = join(folder, `${name}.yaml`);
  const lines = [
    "apiVersion: serving.kserve.io/v1beta1",
    "kind: InferenceService",
    `metadata: { name: ${name} }`,
    "spec:",
    "  predictor:",
    "    model:",
    `      modelFormat: { name: ${format} }`,
    `      storageUri: file://${join(folder, folderName)}`,
    `      runtime: ${runtime}`,
    ...more.map((line) => `      ${line}`),
  ];
  await writeFile(file, `${lines.join("\n")}\n`);
  return file;
}

async function stream(path: string, body: unknown): Promise<string> {
  const response = await fetch(server.url + path, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "content-type": "application/json" },
  });
  return await response.text();
}

describe("a stand-in for vLLM, started with vLLM's command line", () => {
  it("answers OpenAI's clients under the service's name, and streams", async () => {
    const args = ["args: [--max_model_len=512, --dtype, float32, --backend=vllm, --task=text_generation]"];
    await applyReady(server.url, [await apply("chat", "huggingface", "vllm", args)]);
    const messages = [{ role: "user", content: "hello" }];
    const { status, body } = await ask(server.url, "/openai/v1/chat/completions", { model: "chat", messages });
    expect(status, JSON.stringify(body)).toBe(200);
    expect(body).toMatchObject({ model: "chat", choices: [{ message: { content: "stand-in length=512 offline=1 gpu=None hello" } }] });
    const events = (await stream("/openai/v1/chat/completions", { model: "chat", messages, stream: true })).trim().split("\n\n");
    expect(events).toHaveLength(6);
    expect(events.at(-1)).toBe("data: [DONE]");
  });

  it("has the name that its arguments give it, and is chosen by the format vLLM", async () => {
    const file = await apply("named", "vLLM", "kserve-vllmserver", ["args: [--model_name=other]"]);
    await applyReady(server.url, [file]);
    const messages = [{ role: "user", content: "hi" }];
    const { body } = await ask(server.url, "/openai/v1/chat/completions", { model: "named", messages });
    expect(body).toMatchObject({ choices: [{ message: { content: "stand-in length=None offline=1 gpu=None hi" } }] });
  });

  it("says what an argument would do that vLLM has nothing like", async () => {
    const file = await apply("wrong", "huggingface", "vllm", ["args: [--return_probabilities]"]);
    await expect(applyReady(server.url, [file])).rejects.toThrow("--return_probabilities is of KServe's Hugging Face backend");
  });
});

describe("a stand-in for Hugging Face's servers, started with their command lines", () => {
  it("generates", async () => {
    await applyReady(server.url, [await apply("generation", "huggingface", "tgi", ["args: [--max-total-tokens=99]"])]);
    const { status, body } = await ask(server.url, "/openai/v1/chat/completions", {
      model: "generation",
      messages: [{ role: "user", content: "x" }],
    });
    expect(status, JSON.stringify(body)).toBe(200);
    expect(body).toMatchObject({ choices: [{ message: { content: "stand-in tokens=99 x" } }] });
  });

  it("embeds", async () => {
    await applyReady(server.url, [await apply("embeddings", "huggingface", "tei")]);
    const { body } = await ask(server.url, "/openai/v1/embeddings", { model: "embeddings", input: ["two words", "one"] });
    expect(body).toMatchObject({ data: [{ embedding: [9, 2] }, { embedding: [3, 1] }], model: "embeddings" });
  });
});

describe("a stand-in for TensorFlow Serving, started with its command line", () => {
  it("answers V1 and, for plain numbers, V2, from the highest version", async () => {
    await applyReady(server.url, [
      await apply("flowers", "tensorflow", "tensorflow-serving", [], "flowers"),
      await apply("numbered", "tensorflow", "tensorflow-serving", [], "numbered"),
    ]);
    expect((await ask(server.url, "/v1/models/flowers:predict", { instances: [1, 2] })).body).toEqual({ predictions: [2, 4] });
    expect((await ask(server.url, "/v1/models/numbered:predict", { instances: [1] })).body).toEqual({ predictions: [24] });
    const inputs = [{ name: "x", datatype: "INT64", shape: [2], data: [3, 4] }];
    const { body } = await ask(server.url, "/v2/models/flowers/infer", { inputs });
    expect(body).toMatchObject({ outputs: [{ data: [6, 8] }] });
  });

  it("ends with a server that says why, when its model is none", async () => {
    const file = await apply("broken", "tensorflow", "tensorflow-serving", [], "llama");
    await expect(applyReady(server.url, [file])).rejects.toThrow("No versions of servable broken found under base path");
  });
});

describe("a runtime configuration", () => {
  it("gives servers its environment, and a GPU where it is for those (a fake nvidia-smi tells of one)", async () => {
    const own = join(folder, "configurations");
    await mkdir(own);
    await writeFile(join(own, "lab.yaml"), "extends: gpu\nenv: { HF_HUB_OFFLINE: lab }\n");
    await writeFile(join(folder, "devices"), "0, GPU-aa11, NVIDIA H200, 143771, 4\n");
    const environment = {
      PATH: [join(folder, "bin"), fileURLToPath(new URL("../fake-nvidia-smi", import.meta.url)), process.env.PATH].join(delimiter),
      FAKE_NVIDIA_SMI_DEVICES: join(folder, "devices"),
    };
    const words = async (flags: readonly string[], name: string): Promise<unknown> => {
      const configured = await startServer([], flags, { environment });
      try {
        await applyReady(configured.url, [await apply(name, "huggingface", "vllm")]);
        const request = { model: name, messages: [{ role: "user", content: "?" }] };
        return (await ask(configured.url, "/openai/v1/chat/completions", request)).body;
      } finally {
        await configured.stop();
      }
    };
    const lab = await words(["--runtimes", own, "--runtime", "lab"], "lab");
    expect(lab).toMatchObject({ choices: [{ message: { content: "stand-in length=None offline=lab gpu=GPU-aa11 ?" } }] });
    const cpu = await words(["--runtime", "cpu"], "cpu");
    expect(cpu).toMatchObject({ choices: [{ message: { content: "stand-in length=None offline=1 gpu= ?" } }] });
  });

  it("ends a server at its start that it cannot be used for", async () => {
    const environment = { PATH: join(folder, "bin") };
    await expect(startServer([], ["--runtime", "gpu"], { environment })).rejects.toThrow(
      "--runtime gpu: the runtime configuration gpu cannot be used here: it needs NVIDIA GPUs, and there is no nvidia-smi",
    );
  });
});

describe("a server that is not on this machine", () => {
  it("is refused with what to do, and served once it is there", async () => {
    const without = await startServer([], ["--cache-dir", join(folder, "empty")], { environment: { PATH: "/usr/bin:/bin" } });
    try {
      const file = await apply("absent", "huggingface", "vllm");
      await expect(applyReady(without.url, [file])).rejects.toThrow(/vLLM is not on this machine/);
      const service = await serviceAt(without.url, "absent");
      expect(service?.status?.modelStatus.lastFailureInfo?.message).toMatch(/nitrous runtimes install vllm|AVX2|runs on Linux/);
    } finally {
      await without.stop();
    }
    await untilService(server.url, "chat", isReady);
  });
});
