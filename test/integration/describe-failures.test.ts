import { createHash } from "node:crypto";
import { mkdir, open, readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { nitrous } from "../cli-process.ts";
import { createManifestFolder, type ManifestFolder, type ServiceText, serviceText } from "../manifest-files.ts";
import { CACHE_DIRECTORY, type ServerProcess, startServer } from "../server-process.ts";

const GOLDEN = fileURLToPath(new URL("../../testdata/describe/", import.meta.url));
const TRUSTED = { "nitrous/trust": "code" };
const CRASHES =
  "import os\nclass Model:\n    def __init__(self):\n        print('about to go', flush=True)\n        os._exit(3)\n    def predict(self, x):\n        return x\n";
const KILLED =
  "import os, signal\nclass Model:\n    def __init__(self):\n        os.kill(os.getpid(), signal.SIGKILL)\n    def predict(self, x):\n        return x\n";
const HARMLESS = "class Model:\n    def predict(self, x):\n        return x\n";
const RAISES =
  "class Model:\n    def __init__(self):\n        raise RuntimeError('the weights are missing')\n    def predict(self, x):\n        return x\n";
/** Two attempts at a crash are tried again after one and two seconds. */
const WAIT_SECONDS = 60;

let folder: ManifestFolder;
let server: ServerProcess;
let web: Server;

beforeAll(async () => {
  folder = await createManifestFolder();
  web = createServer((_request, response) => response.writeHead(404, { "Content-Type": "text/html" }).end("<h1>Not here</h1>"));
  await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
  // The same words on machines with and without podman or docker.
  server = await startServer([], ["--container-engine", "off"]);
});

afterAll(async () => {
  await server?.stop();
  web?.close();
  await folder?.remove();
});

async function put(path: string, content: string | Buffer): Promise<void> {
  await mkdir(dirname(join(folder.models, path)), { recursive: true });
  await writeFile(join(folder.models, path), content);
}

function webUri(path: string): string {
  return `http://127.0.0.1:${(web.address() as AddressInfo).port}/${path}`;
}

/** The service of each case, after what it needs has been written. */
const CASES: Readonly<Record<string, () => Promise<Omit<ServiceText, "name">>>> = {
  "missing-file": async () => ({ format: "sklearn", uri: "models/iris/2/model.jblib" }),
  "wrong-format": async () => ({ format: "sklearn", uri: "models/iris-onnx/model.onnx" }),
  "unknown-format": async () => ({ format: "skleran", uri: "models/iris/2" }),
  "format-of-containers": async () => ({ format: "paddle", uri: "models/iris/2" }),
  "truncated-onnx": async () => {
    await put("truncated/model.onnx", (await readFile(join(folder.models, "iris-onnx/model.onnx"))).subarray(0, 500));
    return { format: "onnx", uri: "models/truncated" };
  },
  "damaged-joblib": async () => {
    await put("damaged/model.joblib", await readFile(join(folder.models, "iris/2/model.joblib")));
    const file = await open(join(folder.models, "damaged/model.joblib"), "r+");
    await file.write(Buffer.alloc(200, 0xff), 0, 200, 300);
    await file.close();
    return { format: "sklearn", uri: "models/damaged" };
  },
  "broken-xgboost-json": async () => {
    const text = await readFile(join(folder.models, "breast-cancer/model.json"), "utf8");
    await put("broken-json/model.json", text.slice(0, text.length / 2));
    return { format: "xgboost", uri: "models/broken-json" };
  },
  "impossible-environment": async () => {
    await put("impossible/model.py", HARMLESS);
    await put("impossible/requirements.txt", "nitrous-test-no-such-package-of-this-name==1.2.3\n");
    return { format: "python", uri: "models/impossible", annotations: TRUSTED };
  },
  "exit-at-load": async () => {
    await put("exits/model.py", CRASHES);
    return { format: "python", uri: "models/exits", annotations: TRUSTED };
  },
  "killed-at-load": async () => {
    await put("killed/model.py", KILLED);
    return { format: "python", uri: "models/killed", annotations: TRUSTED };
  },
  "exception-at-load": async () => {
    await put("raises/model.py", RAISES);
    return { format: "python", uri: "models/raises", annotations: TRUSTED };
  },
  "code-without-trust": async () => {
    await put("untrusted/model.py", HARMLESS);
    return { format: "python", uri: "models/untrusted" };
  },
  "cloud-scheme": async () => ({ format: "sklearn", uri: "gs://kfserving-examples/models/sklearn/1.0/model" }),
  "pvc-without-volume": async () => ({ format: "sklearn", uri: "pvc://task-pv-claim/iris" }),
  "http-404": async () => ({ format: "onnx", uri: webUri("models/iris.onnx?signature=secret") }),
  "wrong-checksum": async () => ({
    format: "onnx",
    uri: "models/iris-onnx/model.onnx",
    annotations: { "nitrous/sha256": createHash("sha256").update("another model").digest("hex") },
  }),
  "runtime-of-a-container": async () => {
    const runtime = {
      apiVersion: "serving.kserve.io/v1alpha1",
      kind: "ServingRuntime",
      metadata: { name: "own-container" },
      spec: { supportedModelFormats: [{ name: "own" }], containers: [{ name: "kserve-container", image: "example/own:1" }] },
    };
    const file = await folder.write("runtime.yaml", JSON.stringify(runtime));
    expect((await nitrous(["apply", "--server", server.url, "-f", file])).code).toBe(0);
    return { format: "own", uri: "models/iris/2", model: { runtime: "own-container" } };
  },
  "runtime-of-another-name": async () => ({ format: "sklearn", uri: "models/iris/2", model: { runtime: "kserve-sklearn" } }),
};

// Services show all runtimes that there are: those with one of their own come after the others.
const [others, withRuntimes] = [false, true].map((own) => Object.entries(CASES).filter(([name]) => name.startsWith("runtime-") === own));

// Together: much of their time they wait for processes, and for the second attempt at what ended its host.
it.concurrent.for(others ?? [])("%s", async ([name, prepare], { expect }) => {
  await expect(await described(name, prepare)).toMatchFileSnapshot(join(GOLDEN, `${name}.txt`));
});

it.each(withRuntimes ?? [])("%s", async (name, prepare) => {
  await expect(await described(name, prepare)).toMatchFileSnapshot(join(GOLDEN, `${name}.txt`));
});

/** What `nitrous describe` says of a service that could not be loaded. */
async function described(name: string, prepare: () => Promise<Omit<ServiceText, "name">>): Promise<string> {
  const file = await folder.write(`${name}.yaml`, serviceText({ name, ...(await prepare()) }));
  const client = ["--server", server.url];
  const applied = await nitrous(["apply", ...client, "-f", file, "--wait", String(WAIT_SECONDS)]);
  expect(applied.code, applied.stdout + applied.stderr).toBe(1);
  const { code, stdout } = await nitrous(["describe", ...client, name]);
  expect(code).toBe(0);
  return withoutAccidents(stdout);
}

/** What differs from run to run and from machine to machine. */
function withoutAccidents(text: string): string {
  const replacements: ReadonlyArray<readonly [RegExp | string, string]> = [
    [folder.path, "FOLDER"],
    [CACHE_DIRECTORY, "CACHE"],
    [/\S*\/(uv|pip) /g, "$1 "],
    [/(CACHE\/environments\/)[0-9a-f]+/g, "$1HASH"],
    [/Using Python [\d.]+ environment/g, "Using Python VERSION environment"],
    [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, "TIME"],
    [/\(\d+[smh](\d+s)? ago\)/g, "(AGO)"],
    [/127\.0\.0\.1:\d+/g, "127.0.0.1:PORT"],
    [/^( {2}\S+ +(?:True|False|Unknown) +)\d+[smh] +/gm, "$1AGE     "],
    [/^ {2}\d+[smh] +(Normal|Warning)/gm, "  AGE   $1"],
    [/\bpid \d+|process \d+/g, "process PID"],
  ];
  return replacements.reduce((result, [from, to]) => result.replaceAll(from, to), text);
}
