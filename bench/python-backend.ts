import { readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { median } from "../src/load/index.ts";
import { startRealTriton } from "../test/real-triton.ts";
import { drive } from "./drive.ts";
import { cpuMilliseconds } from "./processes.ts";
import { machine, publish, tableOf } from "./publish.ts";
import { startVariant } from "./variant.ts";

/**
 * Models for Triton's Python backend, the same files on a real tritonserver (asked twice, to show the noise) and here: answers a second and
 * processor time of a request, of all processes of the server. Needs `nitrous runtimes install triton`.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "7" },
    seconds: { type: "string", default: "3" },
    connections: { type: "string", default: "1,16,64" },
    models: { type: "string", default: "plain,batched,texts" },
    quick: { type: "boolean", default: false },
  },
});
const ROUNDS = values.quick ? 2 : Number(values.rounds);
const SECONDS = values.quick ? 1 : Number(values.seconds);
const COUNTS = values.connections.split(",").map(Number);

const ADD = `import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        responses = []
        for request in requests:
            a = pb_utils.get_input_tensor_by_name(request, "A").as_numpy()
            b = pb_utils.get_input_tensor_by_name(request, "B").as_numpy()
            responses.append(pb_utils.InferenceResponse([pb_utils.Tensor("SUM", a + b), pb_utils.Tensor("DIFFERENCE", a - b)]))
        return responses
`;
const JOIN = `import numpy
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def execute(self, requests):
        responses = []
        for request in requests:
            texts = request.inputs()[0].as_numpy()
            joined = numpy.array([b" ".join(row) for row in texts], dtype=object)
            responses.append(pb_utils.InferenceResponse([pb_utils.Tensor("JOINED", joined)]))
        return responses
`;
const NUMBERS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
const tensor = (name: string, datatype: string, dims: number): string =>
  `{ name: "${name}" data_type: TYPE_${datatype} dims: [ ${dims} ] }`;
const ADDS = `input [ ${tensor("A", "FP32", 16)}, ${tensor("B", "FP32", 16)} ]
output [ ${tensor("SUM", "FP32", 16)}, ${tensor("DIFFERENCE", "FP32", 16)} ]
`;
const adding = (shape: readonly number[]): object => ({
  inputs: ["A", "B"].map((name) => ({ name, datatype: "FP32", shape, data: NUMBERS })),
});

interface Case {
  readonly model: string;
  readonly code: string;
  readonly configuration: string;
  readonly request: object;
}

const CASES: readonly Case[] = [
  { model: "plain", code: ADD, configuration: ADDS, request: adding([16]) },
  { model: "batched", code: ADD, configuration: `max_batch_size: 64\ndynamic_batching { }\n${ADDS}`, request: adding([1, 16]) },
  {
    model: "texts",
    code: JOIN,
    configuration: `max_batch_size: 64\ndynamic_batching { }\ninput [ ${tensor("TEXTS", "STRING", 8)} ]\noutput [ { name: "JOINED" data_type: TYPE_STRING dims: [ 1 ] reshape { shape: [ ] } } ]\n`,
    request: { inputs: [{ name: "TEXTS", datatype: "BYTES", shape: [1, 8], data: NUMBERS.slice(0, 8).map((each) => `word ${each}`) }] },
  },
].filter(({ model }) => values.models.split(",").includes(model));

const repository = await mkdtemp(join(tmpdir(), "nitrous-bench-python-"));
for (const { model, code, configuration } of CASES) {
  await mkdir(join(repository, model, "1"), { recursive: true });
  await writeFile(join(repository, model, "1", "model.py"), code);
  await writeFile(join(repository, model, "config.pbtxt"), `backend: "python"\n${configuration}`);
}

/** A process and all below it, whichever of its threads has started them. */
function family(pid: number): number[] {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const children = tasks.flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").trim().split(" ").filter(Boolean));
  return [pid, ...children.flatMap((child) => family(Number(child)))];
}

interface Way {
  readonly name: string;
  readonly url: string;
  readonly pid: number;
}

interface Figures {
  readonly rate: number;
  readonly p50: number;
  readonly cpu: number;
}

async function measure({ url, pid }: Way, { model, request }: Case, connections: number): Promise<Figures> {
  const processes = family(pid);
  const before = cpuMilliseconds(processes);
  const asked = {
    method: "POST",
    path: `/v2/models/${model}/infer`,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(request),
  };
  const report = await drive({ origin: url, requests: [asked], load: { kind: "closed", connections, seconds: SECONDS } });
  if (report.answers < report.requests || report.latency === undefined) {
    throw new Error(`${url}, model ${model}: ${JSON.stringify(report.outcomes)}`);
  }
  return { rate: report.answersPerSecond, p50: report.latency.p50, cpu: (cpuMilliseconds(processes) - before) / report.requests };
}

const triton = await startRealTriton(repository);
if (triton === undefined) throw new Error("there is no tritonserver here: nitrous runtimes install triton");
const ours = await startVariant("nitrous", { paths: [repository] });
const AGAIN = "tritonserver again (A/A)";
const ways: readonly Way[] = [
  { name: "tritonserver", url: triton.url, pid: triton.pid },
  { name: "nitrous", url: ours.url, pid: ours.pid },
  { name: AGAIN, url: triton.url, pid: triton.pid },
];
const figures: Array<{ readonly model: string; readonly connections: number; readonly way: string; readonly round: number } & Figures> = [];
try {
  for (let round = -1; round < ROUNDS; round++) {
    for (const each of CASES) {
      for (const connections of COUNTS) {
        for (const way of round % 2 === 0 ? ways : [...ways].reverse()) {
          const measured = await measure(way, each, connections);
          // The first round warms up.
          if (round >= 0) figures.push({ model: each.model, connections, way: way.name, round, ...measured });
        }
      }
    }
  }
} finally {
  await ours.stop();
  await triton.stop();
  await rm(repository, { recursive: true, force: true });
}

const rows = [["model", "connections", "server", "answers/s", "p50 ms", "CPU ms/request", "answers/s ÷ tritonserver's"]];
for (const { model } of CASES) {
  for (const connections of COUNTS) {
    const of = (way: string): typeof figures =>
      figures.filter((each) => each.model === model && each.connections === connections && each.way === way);
    for (const { name } of ways) {
      const own = of(name);
      const ratios = own.map(({ rate, round }) => rate / (of("tritonserver").find((each) => each.round === round)?.rate ?? Number.NaN));
      const [rate, p50, cpu] = [median(own.map(({ rate }) => rate)), median(own.map(({ p50 }) => p50)), median(own.map(({ cpu }) => cpu))];
      rows.push([model, String(connections), name, rate.toFixed(0), p50.toFixed(2), cpu.toFixed(3), median(ratios).toFixed(2)]);
    }
  }
}
publish("python-backend", [machine(), tableOf(rows)], figures);
