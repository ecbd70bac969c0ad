import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { copyExamples, createManifestFolder, type ManifestFolder } from "../manifest-files.ts";
import { type ServerProcess, startServer } from "../server-process.ts";
import { type Answer, applyReady, ask, isReady, serviceAt } from "../service-process.ts";

/** The first time, environments are made. */
const MOST_SECONDS = 280;

interface Example {
  readonly name: string;
  readonly namespace?: string;
  readonly runtime: string;
  /** Rows for the model, all of one width. */
  readonly rows: readonly (readonly number[])[];
  readonly datatype?: "FP64" | "FP32";
  /** The first output for these rows. */
  readonly expected: readonly number[];
  /** ONNX graphs tell which input they take. */
  readonly input?: string;
}

const FLOWERS = {
  rows: [
    [6.8, 2.8, 4.8, 1.4],
    [6.0, 3.4, 4.5, 1.6],
  ],
  expected: [1, 1],
} as const;
const CELLS = {
  rows: [
    [
      17.99, 10.38, 122.8, 1001, 0.1184, 0.2776, 0.3001, 0.1471, 0.2419, 0.07871, 1.095, 0.9053, 8.589, 153.4, 0.006399, 0.04904, 0.05373,
      0.01587, 0.03003, 0.006193, 25.38, 17.33, 184.6, 2019, 0.1622, 0.6656, 0.7119, 0.2654, 0.4601, 0.1189,
    ],
  ],
  expected: [0.039437],
} as const;
const PATIENTS = {
  rows: [[0.038076, 0.05068, 0.061696, 0.021872, -0.044223, -0.034821, -0.043401, -0.002592, 0.019907, -0.017646]],
  expected: [195.189654],
} as const;
const SINGLE = { ...FLOWERS, datatype: "FP32", input: "features" } as const;

const EXAMPLES_OF_KSERVE: readonly Example[] = [
  { name: "sklearn-model", runtime: "kserve-sklearnserver", ...FLOWERS },
  { name: "xgboost-model", runtime: "kserve-xgbserver", ...CELLS },
  { name: "onnx-model", runtime: "nitrous-onnx", ...SINGLE },
  { name: "sklearn-iris", namespace: "kserve-test", runtime: "kserve-sklearnserver", ...FLOWERS },
  { name: "sklearn-v2-iris", namespace: "kserve-test", runtime: "kserve-sklearnserver", ...FLOWERS },
  { name: "xgboost-v2-iris", namespace: "kserve-test", runtime: "kserve-mlserver", ...CELLS },
  { name: "lightgbm-v2-diabetes", namespace: "kserve-test", runtime: "kserve-lgbserver", ...PATIENTS },
  { name: "style-sample", namespace: "kserve-test", runtime: "nitrous-onnx", ...SINGLE },
  { name: "old-sklearn-iris", runtime: "kserve-sklearnserver", ...FLOWERS },
  { name: "old-sklearn-v2", runtime: "kserve-mlserver", ...FLOWERS },
  { name: "old-xgboost", runtime: "kserve-xgbserver", ...CELLS },
  { name: "old-lightgbm", runtime: "kserve-lgbserver", ...PATIENTS },
  { name: "old-onnx", runtime: "nitrous-onnx", ...SINGLE },
];

let folder: ManifestFolder;
let server: ServerProcess;
let applied: string;
let files: string[];

beforeAll(async () => {
  folder = await createManifestFolder();
  files = await copyExamples(folder);
  server = await startServer([], ["--volumes", `models=${folder.models}`]);
  applied = await applyReady(server.url, files, MOST_SECONDS);
});

afterAll(async () => {
  await server?.stop();
  await folder?.remove();
});

function v1({ rows }: Example): unknown {
  return { instances: rows };
}

function v2({ rows, datatype = "FP64", input = "input-0" }: Example): unknown {
  return { inputs: [{ name: input, shape: [rows.length, rows[0]?.length], datatype, data: rows.flat() }] };
}

function firstOf(answer: Answer): unknown {
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  const { predictions, outputs } = answer.body as { predictions?: unknown[]; outputs?: Array<{ data: unknown[] }> };
  return predictions ?? outputs?.[0]?.data;
}

/** V1 has all outputs of an ONNX graph in one object for each row. */
function labelled(values: unknown): number[] {
  return (values as Array<number | { label: number }>).map((value) => (typeof value === "number" ? value : value.label));
}

describe.each(EXAMPLES_OF_KSERVE)("KServe's example $name", (example) => {
  const { name, namespace = "default", runtime, expected } = example;
  const paths = { v1: `/v1/models/${name}:predict`, v2: `/v2/models/${name}/infer` };

  it("is applied as it is, ready, and served by the runtime of KServe's rules", async () => {
    expect(applied).toContain(`inferenceservice.serving.kserve.io/${name} created`);
    const service = await serviceAt(server.url, name, namespace);
    expect(service).toBeDefined();
    expect(service !== undefined && isReady(service)).toBe(true);
    expect(service?.status?.clusterServingRuntimeName).toBe(runtime);
  });

  it.each(["v1", "v2"] as const)("answers %s by prefix and by Host", async (protocol) => {
    const body = protocol === "v1" ? v1(example) : v2(example);
    const byPrefix = firstOf(await ask(server.url, `/serving/${namespace}/${name}${paths[protocol]}`, body));
    const byHost = firstOf(await ask(server.url, paths[protocol], body, { Host: `${name}-${namespace}.example.com` }));
    expect(byPrefix).toEqual(byHost);
    expect(byPrefix).toHaveLength(expected.length);
    const numbers = labelled(byPrefix);
    for (const [index, each] of expected.entries()) expect(numbers[index]).toBeCloseTo(each, 4);
  });

  it("answers its bare name in the namespace default only", async () => {
    const answer = await ask(server.url, paths.v1, v1(example));
    expect(answer.status).toBe(namespace === "default" ? 200 : 404);
  });
});

it("changes nothing when the same files are applied once more", async () => {
  const again = await applyReady(server.url, files);
  expect(again.match(/ unchanged$/gm)).toHaveLength(EXAMPLES_OF_KSERVE.length);
  expect(again).not.toMatch(/configured|created/);
});

it("finds a service of another namespace by the header nitrous-namespace", async () => {
  const answer = await ask(server.url, "/v1/models/sklearn-iris:predict", v1({ name: "", runtime: "", ...FLOWERS }), {
    "nitrous-namespace": "kserve-test",
  });
  expect(answer.body).toEqual({ predictions: FLOWERS.expected });
});
