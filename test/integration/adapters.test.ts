import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../../src/environments/run.ts";
import { adapterExamples } from "../adapters.ts";
import { nitrous } from "../cli-process.ts";
import { consoleCommands, expectedOutput } from "../console-commands.ts";
import { type ServerProcess, startServer, untilLoaded } from "../server-process.ts";
import { applyReady, ask, untilService } from "../service-process.ts";

const EXAMPLES = fileURLToPath(new URL("../../examples/", import.meta.url));
const examples = await adapterExamples();
const [aboutAdapters, aboutCatalogs] = await Promise.all(
  ["adapters.md", "nos-catalogs.md"].map(async (page) =>
    consoleCommands(await readFile(fileURLToPath(new URL(`../../docs/${page}`, import.meta.url)), "utf8")),
  ),
);

async function runAt(url: string, command: string): Promise<string> {
  return (await run(["sh", "-c", command.replaceAll("http://127.0.0.1:8080", url)], {})).trimEnd();
}

describe("models that were written for other servers", () => {
  let folder: string;
  let server: ServerProcess;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "nitrous-adapters-"));
    server = await startServer([]);
    for (const example of examples) {
      await cp(join(EXAMPLES, example.folder), join(folder, example.folder), { recursive: true });
    }
    await applyReady(
      server.url,
      examples.map((example) => join(folder, example.folder, "service.yaml")),
    );
  });

  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it.each(examples.map((example) => [example.folder, example] as const))("%s is served from its YAML", async (_folder, example) => {
    expect((await ask(server.url, `/v2/models/${example.model}`)).body).toMatchObject({ name: example.model, platform: example.package });
    for (const { path, body, status = 200, answer } of example.exchanges) {
      expect(await ask(server.url, `/${path}`, body)).toMatchObject({ status, body: answer });
    }
  });

  it.each(aboutAdapters ?? [])("$command", async ({ command, output }) => {
    expect(await runAt(server.url, command)).toMatch(expectedOutput(output));
  });

  it("puts requests of a model that takes batches together, and gives each its own answer", async () => {
    const numbers = Array.from({ length: 50 }, (_, index) => index);
    const answers = await Promise.all(
      numbers.map((number) =>
        ask(server.url, "/v2/models/powers/infer", { inputs: [{ name: "input", shape: [1], datatype: "FP64", data: [number] }] }),
      ),
    );
    expect(answers.map(({ body }) => (body as { outputs: [{ data: [number] }] }).outputs[0].data[0])).toEqual(
      numbers.map((number) => number ** 2 + number ** 3),
    );
  });

  it("does not run one that nobody trusts", async () => {
    const file = join(folder, "untrusted.yaml");
    const predictor = { model: { modelFormat: { name: "python" }, storageUri: join(folder, "mlserver", "model") } };
    await writeFile(
      file,
      JSON.stringify({
        apiVersion: "serving.kserve.io/v1beta1",
        kind: "InferenceService",
        metadata: { name: "untrusted" },
        spec: { predictor },
      }),
    );
    expect((await nitrous(["apply", "--server", server.url, "-f", file])).code).toBe(0);
    const { status } = await untilService(server.url, "untrusted", (each) => each.status?.modelStatus.lastFailureInfo !== undefined);
    expect(status?.modelStatus.lastFailureInfo?.message).toContain("add nitrous/trust: code");
  });
});

describe("a catalog of NOS", () => {
  let server: ServerProcess;

  beforeAll(async () => {
    server = await startServer([join(EXAMPLES, "nos-catalog")]);
    await untilLoaded(server);
  });

  afterAll(async () => {
    await server?.stop();
  });

  it("has models with the names and methods of NOS", async () => {
    expect((await ask(server.url, "/v1/models")).body).toEqual({ models: ["custom--encoder-small", "encoder-large"] });
    const inputs = [{ name: "texts", shape: [2], datatype: "BYTES", data: ["abc", "defgh"] }];
    for (const name of ["custom--encoder-small", "custom%2Fencoder-small"]) {
      expect(await ask(server.url, `/v2/models/${name}/infer`, { inputs })).toMatchObject({
        status: 200,
        body: { model_name: "custom--encoder-small", outputs: [{ shape: [2, 2], data: [1, 0, 1, 2] }] },
      });
    }
    expect((await ask(server.url, "/v1/models/encoder-large:predict", { instances: ["abc"] })).body).toEqual({
      predictions: [[1, 0, 3, 3]],
    });
    expect((await ask(server.url, "/v1/models/encoder-large:describe", { instances: ["it is "] })).body).toEqual({
      predictions: ["it is encoder-large at log level INFO"],
    });
  });

  it.each(aboutCatalogs ?? [])("$command", async ({ command, output }) => {
    expect(await runAt(server.url, command)).toMatch(expectedOutput(output));
  });

  it("says what of it has no effect, and that an id with slashes is another name", () => {
    expect(server.output()).toContain("its id custom/encoder-small has slashes, and is another name for it in requests");
    expect(server.output()).toContain("num_replicas: 2 has no effect");
    expect(server.output()).toContain("base of the image custom-cpu have no effect");
  });
});
