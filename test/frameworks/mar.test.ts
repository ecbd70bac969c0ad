import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { strToU8, zipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ServerProcess, startServer } from "../server-process.ts";
import { applyReady, ask } from "../service-process.ts";
import { type BadArtefact, cutOff, describeFormat, expectClose, runPython } from "./format-suite.ts";

const ARCHIVES = fileURLToPath(new URL("mar_archives.py", import.meta.url));
/** TorchServe itself, with what its default handlers import. */
const TORCHSERVE = "torchserve\ncaptum\ntorchvision\npillow\npyyaml\n";
const ERROR = (code: number, message: RegExp, type = "InternalServerException"): object => ({
  code,
  type,
  message: expect.stringMatching(message),
});

async function distrust(folder: string): Promise<void> {
  const file = join(folder, "service.yaml");
  await writeFile(file, (await readFile(file, "utf8")).replace(/ {2}annotations:\n.*\n/, ""));
}

/** An archive whose handler leaves a file when it is imported. */
function marking(mark: string, model: object): Uint8Array {
  const code = `open(${JSON.stringify(mark)}, "w").close()\nimport torch\nclass Model(torch.nn.Module):\n    pass\ndef handle(data, context): return []\n`;
  const manifest = JSON.stringify({ model: { modelName: "flowers", ...model } });
  return zipSync({ "MAR-INF/MANIFEST.json": strToU8(manifest), "mine.py": strToU8(code), "weights.pt": strToU8("none") });
}

function untrusted(what: string, model: object): BadArtefact {
  return {
    what,
    async change(folder) {
      await distrust(folder);
      const mark = join(folder, "ran");
      await writeFile(join(folder, "model", "model-store", "flowers.mar"), marking(mark, model));
      return mark;
    },
    says: /code of its own \(mine\.py\).*nitrous\/trust: code/,
  };
}

describeFormat({
  name: "torchserve-mar",
  format: "mar",
  artefact: "model",
  badRequests: [
    { what: "too few numbers", body: { instances: [{ data: [1, 2] }] }, says: /expected four numbers/ },
    { what: "instances without data", body: { instances: [{ value: [1, 2, 3, 4] }] }, says: /expected four numbers/ },
    {
      what: "text for numbers",
      body: { instances: [{ data: ["a", "b", "c", "d"] }] },
      status: 500,
      says: /Prediction failed: (TypeError|ValueError)/,
    },
    {
      what: "a tensor that is no row of four",
      path: "/infer",
      body: { inputs: [{ name: "x", datatype: "FP32", shape: [2, 2], data: [1, 2, 3, 4] }] },
      says: /expected four numbers/,
    },
  ],
  badArtefacts: [
    cutOff("model/model-store/flowers.mar", /flowers\.mar is no readable archive of TorchServe/),
    untrusted("a handler that nobody trusts", { handler: "mine.py" }),
    untrusted("a model file that nobody trusts", { handler: "base_handler", modelFile: "mine.py", serializedFile: "weights.pt" }),
    {
      what: "a handler that is not in the archive",
      change: (folder) => writeFile(join(folder, "model/model-store/flowers.mar"), marking("/nowhere", { handler: "other.py" })),
      says: /the handler is other\.py, and the archive has no other\.py/,
    },
    {
      what: "a file that leads out of the archive",
      async change(folder) {
        const manifest = strToU8(JSON.stringify({ model: { handler: "base_handler" } }));
        const archive = zipSync({ "MAR-INF/MANIFEST.json": manifest, "../../escaped": strToU8("x") });
        await writeFile(join(folder, "model/model-store/flowers.mar"), archive);
        return join(folder, "model", "escaped");
      },
      says: /leads out of it|is no readable archive/,
    },
    {
      what: "several archives, none with the model's name",
      async change(folder) {
        for (const name of ["one", "two"])
          await writeFile(join(folder, "model/model-store", `${name}.mar`), marking("/nowhere", { handler: "mine" }));
        await rm(join(folder, "model/model-store/flowers.mar"));
        await writeFile(join(folder, "model/config/config.properties"), "load_models=all\n");
      },
      says: /model-store has one\.mar, two\.mar, and none of them is called/,
    },
    {
      what: "a package that does not exist",
      async change(folder) {
        const contents = {
          "MAR-INF/MANIFEST.json": strToU8(JSON.stringify({ model: { handler: "mine.py", requirementsFile: "r.txt" } })),
          "mine.py": strToU8(""),
          "r.txt": strToU8("inflection==0.0.0.dev99"),
        };
        await writeFile(join(folder, "model/model-store/flowers.mar"), zipSync(contents));
      },
      says: /environment could not be made[\s\S]*inflection/,
    },
  ],
});

describeFormat({
  name: "torchserve-image",
  format: "mar",
  artefact: "model/colours.mar",
  badRequests: [
    { what: "no base64", body: { instances: [{ data: "!" }] }, says: /expected an image as base64 text/ },
    {
      what: "no image",
      body: { instances: [{ data: "bm90aGluZw==" }] },
      says: /the 7 bytes that were sent are no image of a known format/,
    },
    { what: "a number", body: { instances: [3] }, says: /expected an image/ },
  ],
  badArtefacts: [cutOff("model/colours.mar", /colours\.mar is no readable archive of TorchServe/)],
});

interface Case {
  readonly type: string;
  readonly body: string;
  readonly expected: unknown[];
}

describe("archives of each of TorchServe's handlers", () => {
  let root: string;
  let server: ServerProcess;
  let cases: Readonly<Record<string, Case>>;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "nitrous-mar-"));
    const empty = join(root, "empty.mar");
    await writeFile(empty, zipSync({ "MAR-INF/MANIFEST.json": strToU8("{}") }));
    const output = await runPython({ format: "mar", artefact: "empty.mar", requirementsText: TORCHSERVE }, root, [ARCHIVES, root]);
    cases = JSON.parse(output.trim().split("\n").at(-1) as string);
    server = await startServer([], ["--model-store", root]);
    const services = Object.keys(cases).map((name) => serviceOf(name, ["eager", "function"].includes(name)));
    await writeFile(join(root, "services.yaml"), services.join("---\n"));
    await applyReady(server.url, [join(root, "services.yaml")], 280);
  });

  afterAll(async () => {
    await server?.stop();
    await rm(root, { recursive: true, force: true });
  });

  const serviceOf = (name: string, trusted: boolean): string => `apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: ${name}${trusted ? "\n  annotations:\n    nitrous/trust: code" : ""}
spec:
  predictor:
    model:
      modelFormat:
        name: pytorch
      storageUri: ./${name}.mar
`;

  const send = (path: string, body: Uint8Array | FormData | string, headers: Record<string, string> = {}, method = "POST") =>
    fetch(server.url + path, { method, body: body as string, headers });
  const json = (value: unknown): [string, Record<string, string>] => [JSON.stringify(value), { "content-type": "application/json" }];

  it.each(["texts", "pixels", "boxes"])("answer as TorchServe does, for clients of TorchServe: %s", async (name) => {
    const { type, body, expected } = cases[name] as Case;
    const bytes = Buffer.from(body, "base64");
    const direct = await send(`/predictions/${name}`, bytes, type === "" ? {} : { "content-type": type }, "PUT");
    expect(direct.status).toBe(200);
    expectClose(await direct.json(), expected[0], 1e-5);
    const form = new FormData();
    form.append("data", new Blob([bytes]), "file");
    const asForm = await send(`/predictions/${name}/2.5`, form);
    expect(asForm.status).toBe(200);
    expectClose(await asForm.json(), expected[0], 1e-5);
  });

  it("answer V1 as KServe's wrapper of TorchServe does: an eager model with its state dict", async () => {
    const { body, expected } = cases.eager as Case;
    const answer = await ask(server.url, "/v1/models/eager:predict", { instances: JSON.parse(Buffer.from(body, "base64").toString()) });
    expect(answer).toEqual({ status: 200, body: { predictions: expected } });
  });

  it("let a function of a module see headers, and choose status, headers and content type", async () => {
    const answer = await send("/predictions/function", "{}", {
      "content-type": "application/json",
      "x-name": "Ada",
      authorization: "Basic x",
    });
    expect(answer.status).toBe(201);
    expect(Object.fromEntries(answer.headers)).toMatchObject({ "content-type": "application/x-greeting", "x-batch": "1" });
    expect(await answer.text()).toBe("hello Ada");
  });

  it("share calls of the handler up to batchSize, each with its own headers, and pay for no other's mistake", async () => {
    const slow = send("/predictions/function", ...json({ slow: true }));
    await new Promise((resolve) => setTimeout(resolve, 60));
    const answers = await Promise.all(
      Array.from({ length: 7 }, (_, index) =>
        send("/predictions/function", index === 5 ? '{"fail":true}' : "{}", { "content-type": "application/json", "x-name": `n${index}` }),
      ),
    );
    await slow;
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201, 418, 201]);
    expect(await Promise.all(answers.map((answer) => answer.text()))).toMatchObject([
      "hello n0",
      "hello n1",
      "hello n2",
      "hello n3",
      "hello n4",
      expect.stringContaining('"message": "as asked"'),
      "hello n6",
    ]);
    const sizes = answers.map((answer) => Number(answer.headers.get("x-batch")));
    expect(Math.max(...sizes)).toBeGreaterThan(1);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(4);
  });

  it.each([
    [{ fail: true }, 418, /^as asked$/],
    [{ raise: true }, 503, /^Prediction failed: KeyError: 'nothing is here'$/],
    [{ fewer: true }, 503, /^number of batch response mismatched: handle was given 1 and returned 0$/],
  ])("tell of failures as TorchServe does: %j", async (body, status, message) => {
    const answer = await send("/predictions/function", ...json(body));
    expect(answer.status).toBe(status);
    expect(await answer.json()).toEqual(ERROR(status, message));
  });

  it.each([
    ["/predictions/none", "{}", "application/json", 404, "ModelNotFoundException", /none/],
    [
      "/predictions/function/9.9",
      "{}",
      "application/json",
      404,
      "ModelVersionNotFoundException",
      /version: 9\.9 does not exist for model: function/,
    ],
    ["/predictions/function", "{", "application/json", 400, "InternalServerException", /is JSON, and is not/],
    ["/predictions/texts", "--x", "multipart/form-data; boundary=y", 400, "BadRequestException", /is no multipart\/form-data/],
    ["/predictions/pixels", "nothing", "image/png", 400, "InternalServerException", /no image of a known format/],
    ["/explanations/eager", "{}", "application/json", 503, "InternalServerException", /Prediction failed/],
  ])("refuse %s with %s", async (path, body, type, status, kind, message) => {
    const answer = await send(path, body, { "content-type": type });
    expect(answer.status).toBe(status);
    expect(await answer.json()).toEqual(ERROR(status, message, kind));
  });

  it("are listed, described, registered and unregistered", async () => {
    const listed = (await (await fetch(`${server.url}/models`)).json()) as { models: Array<{ modelName: string }> };
    expect(listed.models.map(({ modelName }) => modelName).sort()).toEqual(Object.keys(cases).sort());
    expect(await (await fetch(`${server.url}/models/texts`)).json()).toMatchObject([
      { modelName: "texts", modelVersion: "2.5", modelUrl: "./texts.mar", workers: [{ status: "READY" }] },
    ]);
    const register = (query: string): Promise<Response> => fetch(`${server.url}/models?${query}`, { method: "POST" });
    const registered = await register("url=texts.mar&model_name=again&initial_workers=1&synchronous=true");
    expect([registered.status, await registered.json()]).toEqual([
      200,
      { status: 'Model "again" Version: 1.0 registered with 1 initial workers' },
    ]);
    expect((await send("/predictions/again", "stocks fell", { "content-type": "text/plain" })).status).toBe(200);
    expect((await register("url=texts.mar&model_name=again")).status).toBe(409);
    const refused = await register("url=function.mar&model_name=evil&synchronous=true");
    expect(await refused.json()).toEqual(ERROR(400, /code of its own \(greeter\.py\)/, "BadRequestException"));
    expect((await fetch(`${server.url}/models/evil`)).status).toBe(404);
    const removed = await fetch(`${server.url}/models/again`, { method: "DELETE" });
    expect([removed.status, await removed.json()]).toEqual([200, { status: 'Model "again" unregistered' }]);
  });
});
