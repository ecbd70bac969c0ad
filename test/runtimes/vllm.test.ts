import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask as askMachine, findProgram, programsDirectory, serverProgram } from "../../src/runtimes/index.ts";
import { CACHE_DIRECTORY, type ServerProcess, startServer } from "../server-process.ts";
import { applyReady, ask } from "../service-process.ts";

const places = { directory: programsDirectory(CACHE_DIRECTORY), path: process.env.PATH ?? "", ask: askMachine };
/** It is gigabytes: whoever wants these tests installs it first. */
const found = await findProgram(serverProgram("vllm"), places);
const why = found === undefined ? " (it is not installed: nitrous runtimes install vllm)" : "";

describe.skipIf(found === undefined)(`vLLM${why}`, () => {
  let folder: string;
  let server: ServerProcess;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "nitrous-vllm-"));
    const script = fileURLToPath(new URL("tiny_llama.py", import.meta.url));
    await promisify(execFile)(join(dirname(found?.file ?? ""), "python"), [script, join(folder, "llama")]);
    server = await startServer([]);
  });
  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it("generates for OpenAI's clients, all at once and token by token", { timeout: 600_000 }, async () => {
    const file = join(folder, "llama.yaml");
    const lines = [
      "apiVersion: serving.kserve.io/v1beta1",
      "kind: InferenceService",
      "metadata: { name: llama }",
      "spec:",
      "  predictor:",
      "    model:",
      "      modelFormat: { name: huggingface }",
      "      runtime: vllm",
      `      storageUri: file://${join(folder, "llama")}`,
      "      args: [--max_model_len=256, --dtype=float32, --enforce-eager, --max-num-seqs=8]",
      '      env: [{ name: VLLM_CPU_KVCACHE_SPACE, value: "1" }]',
    ];
    await writeFile(file, `${lines.join("\n")}\n`);
    await applyReady(server.url, [file], 500);
    const request = { model: "llama", messages: [{ role: "user", content: "hello" }], max_tokens: 8, temperature: 0 };
    const { status, body } = await ask(server.url, "/openai/v1/chat/completions", request);
    expect(status, JSON.stringify(body)).toBe(200);
    const { choices, usage } = body as { choices: { message: { content: string } }[]; usage: { completion_tokens: number } };
    expect(usage.completion_tokens).toBeLessThanOrEqual(8);
    const streamed = await fetch(`${server.url}/openai/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...request, stream: true }),
    });
    const events = (await streamed.text()).trim().split("\n\n");
    expect(events.at(-1)).toBe("data: [DONE]");
    const pieces = events
      .slice(0, -1)
      .map((event) => JSON.parse(event.slice("data: ".length)) as { choices: { delta: { content?: string } }[] });
    expect(pieces.length).toBeGreaterThan(2);
    expect(pieces.map(({ choices: [choice] }) => choice?.delta.content ?? "").join("")).toBe(choices[0]?.message.content);
    const models = await ask(server.url, "/openai/v1/models");
    expect(JSON.stringify(models.body)).toContain("llama");
  });
});
