import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PROCESS_LABEL, processLabel } from "../../src/executors/containers/ownership.ts";
import { nitrous } from "../cli-process.ts";
import { type ServerProcess, startServer } from "../server-process.ts";
import { applyReady, ask, untilService } from "../service-process.ts";
import { buildProgramImage, containersLabelled, findPodman } from "./engine.ts";

const { problem } = await findPodman();

/** What a user's own server of KServe's V1 protocol is, with the standard library alone. */
const PROGRAM = `
import http.server, json, os, signal, sys
NAME = os.environ.get("NAME_OF_MODEL", "times")
FACTOR = int(open("/mnt/models/factor").read()) if os.path.exists("/mnt/models/factor") else int(os.environ["FACTOR"])

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(200, {"status": "alive"} if self.path == "/health/ready" else {"name": NAME, "ready": True})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path != f"/v1/models/{NAME}:predict":
            return self.answer(404, {"error": f"no such path: {self.path}"})
        if body["instances"] == ["exit"]:
            print("it was told to exit", flush=True)
            os._exit(3)
        self.answer(200, {"predictions": [value * FACTOR for value in body["instances"]]})

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
`;

describe.skipIf(problem !== undefined)("services whose servers are containers", () => {
  let folder: string;
  let server: ServerProcess;
  let image: string;
  let label: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "nitrous-served-"));
    image = await buildProgramImage("localhost/nitrous-test-times:1", PROGRAM);
    server = await startServer([], ["--container-engine", "podman"]);
    label = `${PROCESS_LABEL}=${processLabel(server.child.pid)}`;
  });

  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
    expect(await ofTheServer()).toEqual([]);
  });

  /** Of no other server on this machine. */
  const ofTheServer = (): Promise<string[]> => containersLabelled(label);

  async function write(name: string, text: string): Promise<string> {
    const file = join(folder, `${name}.yaml`);
    await writeFile(file, text);
    return file;
  }

  const custom = (name: string, more = ""): string => `
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: { name: ${name} }
spec:
  predictor:
    containers:
      - name: kserve-container
        image: ${image}
        ports: [{ containerPort: 8080, protocol: TCP }]
        env: [{ name: FACTOR, value: "2" }, { name: NAME_OF_MODEL, value: ${name} }]
        readinessProbe: { httpGet: { path: /health/ready, port: 8080 }, periodSeconds: 1 }
        resources: { limits: { cpu: "1", memory: 256Mi } }
${more}`;

  it("answer in both protocols", async () => {
    await applyReady(server.url, [await write("twice", custom("twice"))], 120);
    expect(await ask(server.url, "/v1/models/twice:predict", { instances: [1, 2] })).toEqual({
      status: 200,
      body: { predictions: [2, 4] },
    });
    const inputs = [{ name: "x", datatype: "INT64", shape: [2], data: [3, 4] }];
    const { status, body } = await ask(server.url, "/v2/models/twice/infer", { inputs });
    expect([status, body]).toMatchObject([200, { outputs: [{ datatype: "INT64", shape: [2], data: [6, 8] }] }]);
    expect(await containersLabelled("nitrous.host=twice/1")).toHaveLength(1);
  });

  it("have their model at /mnt/models when a runtime is the image", async () => {
    await mkdir(join(folder, "model"));
    await writeFile(join(folder, "model", "factor"), "10");
    const file = await write(
      "tens",
      `
apiVersion: serving.kserve.io/v1alpha1
kind: ServingRuntime
metadata: { name: times-server }
spec:
  supportedModelFormats: [{ name: times, version: "1", autoSelect: true }]
  protocolVersions: [v1]
  containers:
    - name: kserve-container
      image: ${image}
      env: [{ name: NAME_OF_MODEL, value: "{{.Name}}" }]
      ports: [{ containerPort: 8080 }]
---
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: { name: tens }
spec:
  predictor:
    model: { modelFormat: { name: times }, storageUri: "file://${join(folder, "model")}" }
`,
    );
    await applyReady(server.url, [file], 120);
    expect(await ask(server.url, "/v1/models/tens:predict", { instances: [7] })).toEqual({ status: 200, body: { predictions: [70] } });
  });

  it("come back when their program has ended, and its last words are told", async () => {
    const { status } = await ask(server.url, "/v1/models/twice:predict", { instances: ["exit"] });
    expect(status).toBeGreaterThanOrEqual(500);
    await expect
      .poll(() => ask(server.url, "/v1/models/twice:predict", { instances: [5] }), { timeout: 60_000 })
      .toEqual({ status: 200, body: { predictions: [10] } });
    expect(server.output()).toContain("exited with code 3");
  });

  it("say in their status that there is no image", async () => {
    const missing = custom("missing")
      .replace(image, "localhost/nothing-here:1")
      .replace("ports:", "imagePullPolicy: Never\n        ports:");
    await nitrous(["apply", "--server", server.url, "-f", await write("missing", missing)]);
    const { status } = await untilService(server.url, "missing", (service) => service.status?.modelStatus.lastFailureInfo !== undefined);
    expect(status?.modelStatus.lastFailureInfo?.message).toContain("the image localhost/nothing-here:1 is not on this machine");
  });

  it("end with their service", async () => {
    expect(await containersLabelled("nitrous.host=tens/1")).toHaveLength(1);
    await nitrous(["delete", "--server", server.url, "-f", join(folder, "tens.yaml")]);
    await expect.poll(() => containersLabelled("nitrous.host=tens/1"), { timeout: 60_000 }).toEqual([]);
  });

  it("end with a server that is killed", async () => {
    expect(await ofTheServer()).not.toEqual([]);
    await server.stop("SIGKILL");
    await expect.poll(ofTheServer, { timeout: 60_000 }).toEqual([]);
  });
});
