import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ServerProcess, startServer } from "../server-process.ts";
import { applyReady, ask } from "../service-process.ts";
import { type BadArtefact, cutOff, describeFormat, expectClose, runPython } from "./format-suite.ts";

const EXAMPLES = fileURLToPath(new URL("../../examples/", import.meta.url));
const CASES = fileURLToPath(new URL("huggingface/tasks.py", import.meta.url));
const HOST = fileURLToPath(new URL("../../python", import.meta.url));
const IMAGES = "torchvision\n";

/** Adds a module to the model and names it in config.json as code of a type that transformers does not have. */
const codeOfItsOwn: BadArtefact = {
  what: "config.json with auto_map",
  async change(folder) {
    const mark = join(folder, "ran");
    await writeFile(join(folder, "model/configuration_own.py"), `open(${JSON.stringify(mark)}, "w")\n`);
    await edit(join(folder, "model/config.json"), (config) => ({
      ...config,
      model_type: "own",
      auto_map: { AutoConfig: "configuration_own.OwnConfig" },
    }));
    return mark;
  },
  says: /config\.json names code of its own \(auto_map\), which did not run.*nitrous\/trust: code/s,
};

/** Replaces the weights by a pickle that would make a file. */
const hostilePickle: BadArtefact = {
  what: "pytorch_model.bin that calls os.system",
  async change(folder) {
    const mark = join(folder, "ran");
    await rm(join(folder, "model/model.safetensors"));
    await writeFile(join(folder, "model/pytorch_model.bin"), `cos\nsystem\n(Vtouch ${mark}\ntR.`);
    return mark;
  },
  says: /pytorch_model\.bin holds more than weights.*nitrous\/trust: pickle/s,
};

describeFormat({
  name: "huggingface-text-classification",
  format: "huggingface",
  artefact: "model",
  badRequests: [
    { what: "no instances", body: { instances: [] }, says: /the request has no rows/ },
    { what: "a number for a text", body: { instances: ["good", 3] }, says: /instance 1: 'text' is 3; expected text/ },
    {
      what: "an unknown key",
      body: { instances: [{ sentence: "good" }] },
      says: /instance 0 has 'sentence'.*expected 'text', 'text_pair'/,
    },
    {
      what: "numbers as a tensor",
      path: "/infer",
      body: { inputs: [{ name: "text", datatype: "FP32", shape: [1], data: [1] }] },
      says: /expected text/,
    },
  ],
  badArtefacts: [
    cutOff("model/model.safetensors", /model\.safetensors has \d+ bytes.*it was cut off/s),
    cutOff("model/tokenizer.json", /the tokenizer cannot be read/),
    codeOfItsOwn,
    hostilePickle,
  ],
});

describeFormat({
  name: "huggingface-generation",
  format: "huggingface",
  artefact: "model",
  badRequests: [
    { what: "a prompt that is too long", path: ":predict", body: { instances: ["Mary ".repeat(200)] }, says: /the model takes 128/ },
    {
      what: "a temperature below 0",
      path: ":predict",
      body: { instances: ["Mary"], parameters: { temperature: -1 } },
      says: /'temperature' is -1/,
    },
  ],
  badArtefacts: [],
});

describeFormat({
  name: "huggingface-image",
  format: "huggingface",
  artefact: "model",
  requirementsText: IMAGES,
  tolerance: 2e-4,
  badRequests: [
    { what: "bytes that are no image", body: { instances: [{ b64: "/9j/AAAA" }] }, says: /6 bytes are no image/ },
    { what: "an address", body: { instances: ["http://127.0.0.1/red.png"] }, says: /images are not fetched from addresses/ },
  ],
  badArtefacts: [],
});

describe("a model that writes", () => {
  let server: ServerProcess;

  beforeAll(async () => {
    server = await startServer([]);
    await applyReady(server.url, [join(EXAMPLES, "huggingface-generation/service.yaml")], 280);
  });
  afterAll(() => server?.stop());

  const path = "/v2/models/huggingface-llama/methods/generate_stream/infer";
  const body = (text: string, parameters: object) =>
    JSON.stringify({ inputs: [{ name: "text", datatype: "BYTES", shape: [1], data: [text] }], parameters });

  it("streams what it would answer at once", async () => {
    const response = await fetch(server.url + path, {
      method: "POST",
      headers: { accept: "text/event-stream" },
      body: body("Mary had a little", { max_new_tokens: 24 }),
    });
    expect(response.status).toBe(200);
    const chunks = (await response.text())
      .split("\n")
      .filter((line) => line.startsWith("data: {"))
      .map((line) => (JSON.parse(line.slice(6)) as { outputs: Array<{ data: string[] }> }).outputs[0]?.data[0]);
    expect(chunks.length).toBeGreaterThan(3);
    const { body: whole } = await ask(server.url, "/v1/models/huggingface-llama:generate", {
      instances: ["Mary had a little"],
      parameters: { max_new_tokens: 24 },
    });
    expect({ predictions: [chunks.join("")] }).toEqual(whole);
  });

  it("goes on when a client has left in the middle", async () => {
    const leaving = new AbortController();
    const response = await fetch(server.url + path, {
      method: "POST",
      headers: { accept: "text/event-stream" },
      body: body("Mary had a little", { max_new_tokens: 100, temperature: 5, seed: 3 }),
      signal: leaving.signal,
    });
    await response.body?.getReader().read();
    leaving.abort();
    const { status } = await ask(server.url, "/v1/models/huggingface-llama:predict", { instances: ["Mary"] });
    expect(status).toBe(200);
  });
});

describe("every task", () => {
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "nitrous-tasks-"));
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  it("answers as transformers does, and refuses what it cannot take", async () => {
    const place = { format: "huggingface", artefact: "model", requirementsText: `${IMAGES}scipy\n` } as const;
    const output = await runPython(place, root, [CASES, root, HOST]);
    const cases = JSON.parse(output.trim().split("\n").at(-1) as string) as Record<string, { actual: unknown; expected: unknown }>;
    expect(Object.keys(cases).length).toBeGreaterThan(120);
    for (const [name, { actual, expected }] of Object.entries(cases)) expectClose(actual, expected, 1e-4, name);
  });
});

async function edit(file: string, change: (contents: Record<string, unknown>) => object): Promise<void> {
  await writeFile(file, JSON.stringify(change(JSON.parse(await readFile(file, "utf8")) as Record<string, unknown>)));
}
