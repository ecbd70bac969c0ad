import { readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nitrous } from "../cli-process.ts";
import { MAIN, type ServerProcess, startServer } from "../server-process.ts";
import { applyReady, ask, isReady, untilService } from "../service-process.ts";

const PROGRAM = fileURLToPath(new URL("../multi-model/server.py", import.meta.url));

let folder: string;
let server: ServerProcess;

const RUNTIME = (program: string): string => `apiVersion: serving.kserve.io/v1alpha1
kind: ServingRuntime
metadata:
  name: multi-model-runtime
spec:
  multiModel: true
  annotations:
    prometheus.kserve.io/port: "8080"
    prometheus.kserve.io/path: /metrics
  supportedModelFormats:
    - name: linear
      version: "1"
  protocolVersions: [v2, v1]
  containers:
    - name: kserve-container
      command: [python3, ${program}]
      args: [--model-dir=/mnt/models, --http-port=8080]
      ports:
        - containerPort: 8080
          name: http1
          protocol: TCP
      resources:
        limits: { memory: 1Gi }
      readinessProbe:
        httpGet: { path: /v2/health/ready, port: 8080 }
        periodSeconds: 1
`;

const service = (name: string, artefact?: string): string => `apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: { name: ${name} }
spec:
  predictor:
    model:
      modelFormat: { name: linear }
      runtime: multi-model-runtime
${artefact === undefined ? "" : `      storageUri: ${artefact}\n`}`;

const trained = (name: string, artefact: string): string => `apiVersion: serving.kserve.io/v1alpha1
kind: TrainedModel
metadata: { name: ${name} }
spec:
  inferenceService: holder
  model: { storageUri: ${artefact}, framework: linear, memory: 100Mi }
`;

interface TrainedObject {
  readonly status?: { readonly conditions?: ReadonlyArray<{ readonly type: string; readonly status: string; readonly message?: string }> };
}

async function readiness(name: string): Promise<string> {
  const { body } = await ask(server.url, `/apis/serving.kserve.io/v1alpha1/namespaces/default/trainedmodels/${name}`);
  return (body as TrainedObject).status?.conditions?.find(({ type }) => type === "Ready")?.status ?? "Unknown";
}

async function untilTrained(name: string, wanted = "True"): Promise<void> {
  while ((await readiness(name)) !== wanted) await delay(50);
}

async function apply(name: string, text: string, ...flags: string[]): Promise<void> {
  const file = join(folder, `${name}.yaml`);
  await writeFile(file, text);
  expect((await nitrous(["apply", "-f", file, ...flags, "--server", server.url])).code).toBe(0);
}

/** The server's processes, and whatever started them. */
function processesOf(program: string): string[] {
  return readdirSync("/proc").filter((name) => {
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0");
      return /python3?$/.test(words[0] ?? "") && words[1] === program;
    } catch {
      return false;
    }
  });
}

const predict = async (name: string, ...rows: number[][]) => await ask(server.url, `/v1/models/${name}:predict`, { instances: rows });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-multi-model-"));
  for (const [name, coefficients] of Object.entries({ sum: [1, 1], difference: [1, -1], second: [0, 1] })) {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, "model.json"), JSON.stringify({ coefficients }));
  }
  await writeFile(join(folder, "server.py"), await readFile(PROGRAM));
  server = await startServer([]);
  await apply("runtime", RUNTIME(join(folder, "server.py")));
});

afterAll(async () => {
  expect(await server?.stop()).toBe(0);
  expect(processesOf(join(folder, "server.py"))).toEqual([]);
  await rm(folder, { recursive: true, force: true });
});

describe("a runtime for several models", () => {
  it("serves several InferenceServices and TrainedModels in one server", async () => {
    await apply("m1", trained("m1", join(folder, "difference")));
    expect(await readiness("m1")).toBe("False");
    expect(await predict("m1", [1, 2])).toMatchObject({ status: 503 });
    const files = [join(folder, "holder.yaml"), join(folder, "plus.yaml")];
    await writeFile(files[0] as string, service("holder"));
    await writeFile(files[1] as string, service("plus", join(folder, "sum")));
    await applyReady(server.url, files);
    await untilTrained("m1");
    await apply("m2", trained("m2", join(folder, "second")), "--wait");
    expect(await predict("plus", [1, 2], [3, 4])).toEqual({ status: 200, body: { predictions: [3, 7] } });
    expect((await predict("m1", [1, 2])).body).toEqual({ predictions: [-1] });
    expect((await predict("m2", [1, 2])).body).toEqual({ predictions: [2] });
    const inputs = [{ name: "x", datatype: "FP64", shape: [1, 2], data: [5, 6] }];
    expect((await ask(server.url, "/v2/models/m2/infer", { inputs })).body).toMatchObject({ model_name: "m2", outputs: [{ data: [6] }] });
    expect(processesOf(join(folder, "server.py"))).toHaveLength(1);
  });

  it("says of a service without a model of its own what it is", async () => {
    const { status, body } = await predict("holder", [1, 2]);
    expect([status, JSON.stringify(body)]).toEqual([404, expect.stringContaining("ask for one of the models in there")]);
  });

  it("has its metrics on the page of this server", async () => {
    const page = await (await fetch(`${server.url}/metrics`)).text();
    const labels = 'namespace="default",runtime="multi-model-runtime",replica="0"';
    expect(page).toContain(`nitrous_upstream_scrape_success{${labels}} 1`);
    expect(page).toContain(`answers_total{${labels},model="m2"} `);
    expect(page).toMatch(new RegExp(`^models\\{${labels}\\} 3$`, "m"));
  });

  it("gives another artefact to a model while it serves", async () => {
    await apply("m2", trained("m2", join(folder, "sum")));
    while (JSON.stringify((await predict("m2", [1, 2])).body) !== '{"predictions":[3]}') await delay(50);
    expect(await predict("m2", [1, 2])).toEqual({ status: 200, body: { predictions: [3] } });
  });

  it("says why a model cannot be loaded, and leaves the others alone", async () => {
    await mkdir(join(folder, "broken"));
    await writeFile(join(folder, "broken/notes.txt"), "no model");
    await apply("m3", trained("m3", join(folder, "broken")));
    const said = async (): Promise<string> => (await nitrous(["describe", "tm", "m3", "--server", server.url])).stdout;
    while (!(await said()).includes("failed to load 'm3'")) await delay(100);
    expect((await predict("m1", [1, 2])).status).toBe(200);
    const { stdout } = await nitrous(["get", "tm", "--server", server.url]);
    expect(stdout).toMatch(/^NAME +URL +READY +STATE +INFERENCESERVICE +FRAMEWORK +MEMORY +AGE/);
    expect(stdout).toMatch(/^m1 .* True +Loaded +holder +linear +100Mi/m);
    expect((await nitrous(["delete", "tm", "m3", "--server", server.url])).stdout).toBe("trainedmodel.serving.kserve.io/m3 deleted\n");
  });

  it("unloads a model that is deleted, and goes on when its server has died", async () => {
    await nitrous(["delete", "tm", "m1", "--server", server.url]);
    while (!/^models\{.*\} 2$/m.test(await (await fetch(`${server.url}/metrics`)).text())) await delay(500);
    expect((await predict("m1", [1, 2])).status).toBe(404);
    const [pid] = processesOf(join(folder, "server.py"));
    process.kill(Number(pid), "SIGKILL");
    while (processesOf(join(folder, "server.py")).includes(pid as string)) await delay(20);
    await untilService(server.url, "plus", isReady);
    while ((await predict("plus", [1, 2])).status !== 200) await delay(100);
    while ((await predict("m2", [1, 2])).status !== 200) await delay(100);
    expect((await predict("m2", [1, 2])).body).toEqual({ predictions: [3] });
    expect(processesOf(join(folder, "server.py"))).toHaveLength(1);
  });
});

/** The sources that are tested, as a server that looks into its folder by itself, asked and told over gRPC only. */
const SERVER_OF_OUR_OWN = (state: string): string => `apiVersion: serving.kserve.io/v1alpha1
kind: ServingRuntime
metadata: { name: nitrous-itself }
spec:
  multiModel: true
  supportedModelFormats: [{ name: custom }]
  protocolVersions: [grpc-v2]
  grpcDataEndpoint: port:9000
  grpcMultiModelManagementEndpoint: port:9000
  containers:
    - name: kserve-container
      command: [${process.execPath}, ${MAIN}, serve, /mnt/models, --watch]
      args: [--http-port, "8080", --grpc-port, "9000", --state-dir, ${state}/state, --cache-dir, ${state}/cache, --isolation, "off"]
      ports:
        - { containerPort: 8080, name: http1 }
        - { containerPort: 9000, name: grpc }
      readinessProbe:
        grpc: { port: 9000 }
        periodSeconds: 1
      volumeMounts: [{ name: state, mountPath: ${state} }]
  volumes: [{ name: state, emptyDir: {} }]
`;

it("has models loaded by a server that speaks gRPC: this one", async () => {
  for (const [name, factor] of [
    ["twice", 2],
    ["thrice", 3],
  ] as const) {
    await mkdir(join(folder, name));
    const run = `run: ({ a }) => ({ b: a.data.map((each) => each * ${factor}) })`;
    const model = `defineModel({ inputs: { a: "FP32[-1]" }, outputs: { b: "FP32[-1]" }, ${run} })`;
    await writeFile(join(folder, name, "model.ts"), `import { defineModel } from "nitrous";\nexport default ${model};\n`);
  }
  await apply("nitrous-itself", SERVER_OF_OUR_OWN("/srv/state"));
  // The second one when the server runs: it has not looked into its folder yet when it is told to load it.
  for (const name of ["twice", "thrice"]) {
    const file = join(folder, `${name}.yaml`);
    const predictor = `{ model: { modelFormat: { name: custom }, runtime: nitrous-itself, storageUri: ${join(folder, name)} } }`;
    const text = `apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: { name: ${name} }\nspec: { predictor: ${predictor} }\n`;
    await writeFile(file, text);
    await applyReady(server.url, [file]);
  }
  const answers = await Promise.all(
    ["twice", "thrice"].map(async (name) => {
      const inputs = [{ name: "a", datatype: "FP32", shape: [2], data: [1, 2.5] }];
      return (await ask(server.url, `/v2/models/${name}/infer`, { inputs })).body;
    }),
  );
  expect(answers).toMatchObject([{ outputs: [{ name: "b", data: [2, 5] }] }, { outputs: [{ name: "b", data: [3, 7.5] }] }]);
});
