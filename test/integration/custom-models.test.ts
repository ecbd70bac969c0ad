import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../../src/environments/run.ts";
import { nitrous } from "../cli-process.ts";
import { consoleCommands, expectedOutput } from "../console-commands.ts";
import { type ServerProcess, startServer, untilLoaded } from "../server-process.ts";
import { applyReady, ask, untilService } from "../service-process.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** The models of a page: code blocks whose first line is a comment with their path. */
function modelsOf(markdown: string): ReadonlyArray<readonly [string, string]> {
  return [...markdown.matchAll(/^```(?:python|ts)\n(?:#|\/\/) (\S+\/model\.(?:py|ts))\n([\s\S]*?)^```/gm)].map(
    ([, path, text]) => [path as string, text as string] as const,
  );
}

async function put(folder: string, path: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text);
}

for (const page of ["custom-models-python.md", "custom-models-typescript.md"]) {
  const markdown = await readFile(`${root}docs/${page}`, "utf8");

  describe(`docs/${page}`, () => {
    let folder: string;
    let server: ServerProcess;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "nitrous-custom-"));
      for (const [path, text] of modelsOf(markdown)) await put(folder, path, text);
      server = await startServer([folder]);
      await untilLoaded(server);
    });

    afterAll(async () => {
      await server?.stop();
      await rm(folder, { recursive: true, force: true });
    });

    it("has models that all load", () => {
      const count = modelsOf(markdown).length;
      expect(count).toBeGreaterThan(3);
      expect(server.output()).toContain(`${count} of ${count} models are ready`);
    });

    it.each(consoleCommands(markdown))("$command", async ({ command, output }) => {
      const text = command.replaceAll("http://127.0.0.1:8080", server.url);
      expect((await run(["sh", "-c", text], {})).trimEnd()).toMatch(expectedOutput(output));
    });
  });
}

describe("custom models as services", () => {
  let folder: string;
  let server: ServerProcess;

  const post = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(server.url + path, { method: "POST", body: JSON.stringify(body), headers });
  const request = async (example: string): Promise<unknown> =>
    JSON.parse(await readFile(`${root}examples/${example}/request.json`, "utf8"));

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "nitrous-custom-services-"));
    server = await startServer([]);
    const files = ["custom-python", "custom-python-methods", "custom-typescript"].map((name) => `${root}examples/${name}/service.yaml`);
    await applyReady(server.url, files);
  });

  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it("examples/custom-python answers, in at most ten lines", async () => {
    const lines = (await readFile(`${root}examples/custom-python/model/model.py`, "utf8")).split("\n").filter((line) => line.trim() !== "");
    expect(lines.length).toBeLessThanOrEqual(10);
    const { body } = await ask(server.url, "/v1/models/shouting:predict", await request("custom-python"));
    expect(body).toEqual({
      predictions: [
        { label: "calm", score: 0 },
        { label: "shouting", score: 4 / 7 },
        { label: "shouting", score: 6 / 7 },
      ],
    });
    const wrong = await ask(server.url, "/v1/models/shouting:predict", { instances: [3] });
    expect(wrong.status).toBe(400);
    expect(JSON.stringify(wrong.body)).toContain("input 'text' of model 'shouting': element 0 is 3, which is not a value of BYTES");
  });

  it("examples/custom-python-methods has three methods, a setting, batches and a stream", async () => {
    const { body } = await ask(server.url, "/v1/models/texts:similarity", await request("custom-python-methods"));
    expect(body).toEqual({ predictions: [expect.closeTo(1, 5), 0] });
    const texts = Array.from({ length: 20 }, (_, index) => `text ${index}`);
    const answers = await Promise.all(
      texts.map(
        async (text) => (await (await post("/v1/models/texts:predict", { instances: [text] })).json()) as { predictions: number[][] },
      ),
    );
    const together = (await (await post("/v2/models/texts/infer", v2("texts", texts))).json()) as {
      outputs: Array<{ shape: number[]; data: number[] }>;
    };
    expect(together.outputs[0]?.shape).toEqual([20, 32]);
    expect(answers.flatMap(({ predictions }) => predictions.flat())).toEqual(together.outputs[0]?.data);
    const named = await post(
      "/v2/models/texts/infer",
      { ...v2("text", ["a b c"]), parameters: { method: "words", most: 2 } },
      { Accept: "text/event-stream" },
    );
    const events = (await named.text()).split("\n").filter((line) => line.startsWith("data: "));
    expect(events.map((line) => JSON.parse(line.slice(6)).outputs?.[0].data)).toEqual([["a"], ["b"]]);
    const command = ["infer", "texts", "--server", server.url, "--method", "similarity", "-o", "json"];
    const same = await nitrous([...command, "--input", 'first=["a b"]', "--input", 'second=["a b"]']);
    expect(JSON.parse(same.stdout)).toMatchObject({ outputs: [{ shape: [1], data: [expect.closeTo(1, 5)] }] });
    const refused = await ask(server.url, "/v1/models/texts:words", { instances: ["a", "b"] });
    expect(JSON.stringify(refused.body)).toContain("words streams the answer for one row, and 2 came");
  });

  it("examples/custom-typescript has two methods and a setting", async () => {
    const { body } = await ask(server.url, "/v1/models/words:predict", await request("custom-typescript"));
    expect(body).toEqual({
      predictions: [
        { words: 3, characters: 15 },
        { words: 1, characters: 5 },
      ],
    });
    const stream = await post("/v1/models/words:first", { instances: ["a b c"] });
    expect(await stream.text()).toBe('{"predictions":["a"]}\n{"predictions":["b"]}\n');
  });

  it.each(["module", "commonjs"])("packages that a package.json of type %s names are installed, without their scripts", async (type) => {
    const name = `packaged-${type}`;
    const marker = join(folder, `${name}-script-ran`);
    const vendored = { name: "greet", version: "1.0.0", main: "index.js", scripts: { postinstall: `touch ${marker}` } };
    await put(folder, `${name}/vendor/greet/package.json`, JSON.stringify(vendored));
    await put(folder, `${name}/vendor/greet/index.js`, "exports.greet = (name) => 'hello ' + name;\n");
    await put(folder, `${name}/package.json`, JSON.stringify({ type, dependencies: { greet: "file:./vendor/greet" } }));
    const code = 'import { greet } from "greet";\nimport { defineModel } from "nitrous";\n';
    await put(folder, `${name}/model.ts`, `${code}export default defineModel({ predict: ({ instances }) => instances.map(greet) });\n`);
    await put(folder, `${name}.yaml`, service(name, "typescript", name, true));
    await applyReady(server.url, [join(folder, `${name}.yaml`)]);
    expect((await ask(server.url, `/v1/models/${name}:predict`, { instances: ["Ada"] })).body).toEqual({ predictions: ["hello Ada"] });
    await expect(stat(marker)).rejects.toThrow("ENOENT");
    await expect(stat(join(folder, name, "node_modules"))).rejects.toThrow("ENOENT");
  });

  it.each([
    ["python", "model.py", (marker: string) => `open(${JSON.stringify(marker)}, "w")\ndef predict(x): return x\n`],
    [
      "typescript",
      "model.ts",
      (marker: string) => `import { writeFileSync } from "node:fs";\nwriteFileSync(${JSON.stringify(marker)}, "");\n`,
    ],
  ])("code in %s that nobody trusts does not run", async (format, file, code) => {
    const marker = join(folder, `${format}-ran`);
    await put(folder, `untrusted-${format}/${file}`, code(marker));
    await put(folder, `${format}.yaml`, service(`untrusted-${format}`, format, `untrusted-${format}`));
    await run(
      [process.execPath, join(root, "dist/cli/main.js"), "apply", "--server", server.url, "-f", join(folder, `${format}.yaml`)],
      {},
    );
    const { status } = await untilService(
      server.url,
      `untrusted-${format}`,
      ({ status: now }) => now?.modelStatus.lastFailureInfo !== undefined,
    );
    expect(status?.modelStatus.lastFailureInfo?.message).toContain("add nitrous/trust: code to metadata.annotations");
    await expect(stat(marker)).rejects.toThrow("ENOENT");
  });

  it.each([
    [
      "setting",
      "model.py",
      "class Model:\n    def __init__(self, size: int = 1): pass\n    def predict(self, x): return x\n",
      "Model takes no setting sise; it takes size",
    ],
    [
      "option",
      "model.ts",
      "export const settings = { size: 1 };\nexport const predict = () => 1;\n",
      "the model takes no setting sise; it takes size",
    ],
    [
      "missing",
      "model.ts",
      'import "no-such-package-here";\nexport const predict = () => 1;\n',
      "needs the package 'no-such-package-here'",
    ],
    ["unreadable", "model.ts", "export const predict = (;\n", "is no module that can be read"],
    ["empty", "model.py", "x = 1\n", "needs a class with a method predict, or a function predict"],
    ["manifest", "package.json", "{", "its package.json cannot be read"],
    ["dependency", "package.json", '{"dependencies":{"a":"file:./nowhere"}}', "its packages could not be installed; npm says"],
  ])("a model with a wrong %s says so", async (name, file, code, says) => {
    await put(folder, `${name}/model.ts`, "export const predict = () => 1;\n");
    if (file.endsWith(".py")) await rm(join(folder, name, "model.ts"));
    await put(folder, `${name}/${file}`, code);
    const args = says.includes("sise") ? "      args: [--sise=2]\n" : "";
    const format = file.endsWith(".py") ? "python" : "typescript";
    await put(folder, `${name}.yaml`, `${service(name, format, name, true)}${args}`);
    await run([process.execPath, join(root, "dist/cli/main.js"), "apply", "--server", server.url, "-f", join(folder, `${name}.yaml`)], {});
    const { status } = await untilService(server.url, name, ({ status: now }) => now?.modelStatus.lastFailureInfo !== undefined);
    expect(status?.modelStatus.lastFailureInfo?.message).toContain(says);
  });
});

function v2(name: string, data: readonly string[]): { inputs: unknown[] } {
  return { inputs: [{ name, datatype: "BYTES", shape: [data.length], data }] };
}

function service(name: string, format: string, storageUri: string, isTrusted = false): string {
  const annotations = isTrusted ? "  annotations: { nitrous/trust: code }\n" : "";
  return `apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: ${name}
${annotations}spec:
  predictor:
    model:
      modelFormat: { name: ${format} }
      storageUri: ${storageUri}
`;
}
