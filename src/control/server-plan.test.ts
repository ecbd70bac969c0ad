import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ServeError } from "../core/errors.ts";
import type { JsonObject } from "../core/inference.ts";
import type { ModelSpec } from "../core/model.ts";
import { createSemaphore } from "../models/index.ts";
import { selectRuntime, toInferenceService, toServingRuntime, validateDocument } from "../resources/index.ts";
import { planServer, type ServerPlanOptions, serverText } from "./server-plan.ts";

const root = mkdtempSync(join(tmpdir(), "nitrous-server-plan-"));
mkdirSync(join(root, "iris"));
writeFileSync(join(root, "iris", "model.bin"), "12345");
writeFileSync(join(root, "iris", "example.json"), "{}");
writeFileSync(join(root, "iris", "requirements.txt"), "numpy");
writeFileSync(join(root, "one.bin"), "123");
mkdirSync(join(root, "volume"));
afterAll(() => rmSync(root, { recursive: true }));

const signal = new AbortController().signal;
const CONTAINER: JsonObject = { name: "kserve-container", command: ["serve"] };

function runtimeOf(spec: JsonObject, annotations: JsonObject = {}): ReturnType<typeof toServingRuntime> {
  const document = { apiVersion: "serving.kserve.io/v1alpha1", kind: "ServingRuntime", metadata: { name: "own", annotations } };
  const formats = { supportedModelFormats: [{ name: "own", autoSelect: true }] };
  return toServingRuntime(validateDocument({ ...document, spec: { ...formats, containers: [CONTAINER], ...spec } }));
}

function serviceOf(model: JsonObject, metadata: JsonObject = {}, predictor: JsonObject = {}): ReturnType<typeof toInferenceService> {
  const document = { apiVersion: "serving.kserve.io/v1beta1", kind: "InferenceService", metadata: { name: "iris", ...metadata } };
  const spec = { predictor: { model: { modelFormat: { name: "own" }, ...model }, ...predictor } };
  return toInferenceService(validateDocument({ ...document, spec }));
}

interface Plan extends ServerPlanOptions {
  readonly followed?: string[];
}

async function plan(
  service: ReturnType<typeof serviceOf>,
  runtime: ReturnType<typeof runtimeOf>,
  { followed, ...options }: Plan = {},
): Promise<ModelSpec> {
  const { model } = service.predictor;
  const choice = model === undefined ? { candidates: [] } : selectRuntime({ namespace: "default", model, multiNode: false }, [runtime]);
  const models = await planServer(
    service,
    choice,
    {
      source: {
        fetch: ({ uri }) => {
          if (uri === "pvc://data") return Promise.resolve({ path: join(root, "volume") });
          if (uri.startsWith("pvc:")) throw new ServeError("FAILED_PRECONDITION", `there is no volume ${uri}`);
          return Promise.resolve({ path: join(root, uri) });
        },
      },
      baseDirectory: root,
      looking: createSemaphore(1),
      ...(followed === undefined ? {} : { follow: (path) => Promise.resolve(void followed.push(path)) }),
      ...options,
    },
    () => undefined,
    signal,
  );
  expect(models).toHaveLength(1);
  return models[0] as ModelSpec;
}

describe("planServer", () => {
  it("plans one version with the whole artefact", async () => {
    const service = serviceOf({ storageUri: "iris", resources: { limits: { "nvidia.com/gpu": 2 } } }, {}, { containerConcurrency: 4 });
    expect(await plan(service, runtimeOf({}))).toEqual({
      namespace: "default",
      name: "iris",
      version: "1",
      format: "upstream",
      file: join(root, "iris"),
      directory: join(root, "iris"),
      example: join(root, "iris", "example.json"),
      bytes: 12,
      upstream: expect.objectContaining({ runtime: "own", modelName: "iris", concurrency: 4 }),
      trust: "code",
      residency: { kind: "preferred" },
      scaling: service.predictor.scaling,
      scheduling: { requestsPerReplica: 4 },
      device: { kind: "count", count: 2, asked: "nvidia.com/gpu: 2" },
    });
  });

  it("mounts a file under its name, and needs no artefact", async () => {
    const mounts = async (model: JsonObject): Promise<unknown> => {
      const { upstream } = await plan(serviceOf(model), runtimeOf({}));
      return upstream?.place.kind === "container" ? upstream.place.container.mounts : undefined;
    };
    expect(await mounts({ storageUri: "one.bin" })).toMatchObject([
      { path: "/mnt/models/one.bin", source: { path: join(root, "one.bin") } },
    ]);
    expect(await mounts({})).toEqual([]);
    expect(await plan(serviceOf({}), runtimeOf({}))).toMatchObject({ file: "", bytes: 0 });
  });

  it("follows files that may change", async () => {
    const followed: string[] = [];
    const { stamp } = await plan(serviceOf({ storageUri: "iris" }), runtimeOf({}), { followed });
    expect([followed, stamp]).toEqual([[join(root, "iris")], expect.stringMatching(/^[0-9a-f]{16}$/)]);
  });

  it("finds the folders of claims, and says which there is not", async () => {
    const spec = (claimName: string): JsonObject => ({
      containers: [{ ...CONTAINER, volumeMounts: [{ name: "v", mountPath: "/data" }] }],
      volumes: [{ name: "v", persistentVolumeClaim: { claimName } }],
    });
    const { upstream } = await plan(serviceOf({}), runtimeOf(spec("data")));
    expect(upstream).toMatchObject({ place: { container: { mounts: [{ path: "/data", source: { path: join(root, "volume") } }] } } });
    await expect(plan(serviceOf({}), runtimeOf(spec("other")))).rejects.toThrow("there is no volume pvc://other");
  });

  it("gives a server of several models none of them, and one replica", async () => {
    const spec = await plan(serviceOf({ storageUri: "iris", runtime: "own" }), runtimeOf({ multiModel: true }));
    expect(spec).toMatchObject({ file: join(root, "iris"), upstream: { shared: true, place: { container: { mounts: [] } } } });
    expect(spec.scaling).toBeUndefined();
  });

  it("reads no artefact for a server elsewhere", async () => {
    const annotations = { "nitrous/url": "http://10.0.0.5:80" };
    const spec = await plan(serviceOf({ storageUri: "nowhere" }, { annotations }), runtimeOf({}));
    expect(spec).toMatchObject({ upstream: { place: { kind: "elsewhere" } }, notes: [expect.stringMatching(/storageUri is not read/)] });
  });

  it("leaves the last word to whoever knows the program", async () => {
    const seen: unknown[] = [];
    const { upstream } = await plan(serviceOf({ storageUri: "iris" }), runtimeOf({}), {
      adaptServer: (read, { artefact }) => {
        seen.push(artefact);
        return { ...read, modelName: "inner" };
      },
    });
    expect([upstream?.modelName, seen]).toEqual(["inner", [{ path: join(root, "iris"), isFolder: true }]]);
  });

  it("says with KServe's reason what a runtime says wrongly", async () => {
    const runtime = runtimeOf({ containers: [{ ...CONTAINER, args: ["{{.Labels.none}}"] }] });
    await expect(plan(serviceOf({}), runtime)).rejects.toMatchObject({
      reason: "InvalidPredictorSpec",
      message: expect.stringMatching(/no label none/),
    });
    const several = runtimeOf({ workerSpec: { containers: [CONTAINER] } });
    await expect(plan(serviceOf({ runtime: "own" }), several)).rejects.toMatchObject({
      reason: "InvalidPredictorSpec",
      message: expect.stringMatching(/workerSpec/),
    });
  });
});

describe("serverText", () => {
  const text = (service: ReturnType<typeof serviceOf>, spec: JsonObject = {}): string | undefined =>
    serverText(service, { runtime: runtimeOf(spec), candidates: [] });
  const labelled = { containers: [{ ...CONTAINER, args: ["{{.Labels.size}}"] }] };

  it("changes with what the server is made of, and with nothing else", () => {
    const small = serviceOf({}, { labels: { size: "small", other: "1" } });
    expect(text(small, labelled)).toBe(text(serviceOf({}, { labels: { size: "small", other: "2" } }), labelled));
    expect(text(small, labelled)).not.toBe(text(serviceOf({}, { labels: { size: "large" } }), labelled));
    expect(text(serviceOf({}), labelled)).toMatch(/no label size/);
    expect(text(small)).not.toBe(text(small, { containers: [{ ...CONTAINER, env: [{ name: "A", value: "1" }] }] }));
  });

  it("says nothing of a runtime with a host of this server", () => {
    expect(serverText(serviceOf({}), { runtime: runtimeOf({}, { "nitrous/host": "python" }), candidates: [] })).toBeUndefined();
  });
});
