import { closeSync, mkdirSync, mkdtempSync, openSync, readSync, rmSync, unlinkSync, writeFileSync, writeSync } from "node:fs";
import { Agent, request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { median } from "../src/load/index.ts";
import { startServer, untilLoaded } from "../test/server-process.ts";
import { cpuMilliseconds, processTree } from "./processes.ts";
import { machine, publish, tableOf } from "./publish.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    requests: { type: "string", default: "100" },
    quick: { type: "boolean", default: false },
  },
});
const rounds = values.quick ? 2 : Number(values.rounds);
const requests = values.quick ? 20 : Number(values.requests);

const SHAPE = [1, 720, 1280, 3];
const BYTES = SHAPE.reduce((product, size) => product * size, 1);
const WAYS = ["binary HTTP", "binary HTTP again", "shared memory"] as const;
const CASES = ["picture in, a number out", "picture in, picture out"] as const;
type Way = (typeof WAYS)[number];

/** A model that does next to nothing, so that what is left is the way of the picture. */
const MODEL = `import { defineMethod, defineModel } from "nitrous";
const picture = "UINT8[-1,720,1280,3]";
export default defineModel({
  methods: {
    look: defineMethod({ inputs: { picture }, outputs: { first: "UINT8[-1]" }, run: ({ picture }) => ({ first: picture.data.slice(0, 1) }) }),
    copy: defineMethod({ inputs: { picture }, outputs: { picture }, run: ({ picture }) => ({ picture: picture.data }) }),
  },
});
`;

/** A region of this process, as tritonclient makes one. */
class OwnRegion {
  readonly name: string;
  readonly key: string;
  readonly file: number;

  constructor(name: string) {
    this.name = name;
    this.key = `/nitrous-bench-${process.pid}-${name}`;
    this.file = openSync(`/dev/shm${this.key}`, "wx+", 0o600);
    writeSync(this.file, Buffer.alloc(BYTES), 0, BYTES, 0);
  }

  destroy(): void {
    closeSync(this.file);
    unlinkSync(`/dev/shm${this.key}`);
  }
}

const directory = mkdtempSync(join(tmpdir(), "nitrous-shared-memory-"));
mkdirSync(join(directory, "eye"));
writeFileSync(join(directory, "eye", "model.ts"), MODEL);
const [input, output] = [new OwnRegion("input"), new OwnRegion("output")];
const server = await startServer([join(directory, "eye")], ["--allow-client-shm", "true"]);
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const figures = new Map<string, Array<{ readonly latency: number; readonly cpu: number; readonly client: number }>>();
try {
  await untilLoaded(server);
  for (const { name, key } of [input, output])
    await post(`/v2/systemsharedmemory/region/${name}/register`, [Buffer.from(JSON.stringify({ key, offset: 0, byte_size: BYTES }))]);
  for (let round = -1; round < rounds; round++) {
    for (const case_ of CASES) {
      for (const way of round % 2 === 0 ? WAYS : [...WAYS].reverse()) {
        const measured = await measure(case_, way, round < 0 ? 10 : requests);
        const name = `${case_}: ${way}`;
        if (round >= 0) figures.set(name, [...(figures.get(name) ?? []), measured]);
      }
    }
    process.stderr.write(`round ${round + 1} of ${rounds} done\n`);
  }
  print();
} finally {
  agent.destroy();
  await server.stop();
  input.destroy();
  output.destroy();
  rmSync(directory, { recursive: true });
}

/** One request after the other: each fills its picture anew and reads its answer. */
async function measure(case_: (typeof CASES)[number], way: Way, count: number): Promise<{ latency: number; cpu: number; client: number }> {
  const picture = Buffer.alloc(BYTES);
  const answer = Buffer.alloc(BYTES);
  const isShared = way === "shared memory";
  const copies = case_ === "picture in, picture out";
  const outputName = copies ? "picture" : "first";
  const parameters = isShared ? { shared_memory_region: input.name, shared_memory_byte_size: BYTES } : { binary_data_size: BYTES };
  const place = { shared_memory_region: output.name, shared_memory_byte_size: BYTES };
  const json = Buffer.from(
    JSON.stringify({
      inputs: [{ name: "picture", datatype: "UINT8", shape: SHAPE, parameters }],
      outputs: [{ name: outputName, parameters: isShared && copies ? place : { binary_data: true } }],
    }),
  );
  const pids = processTree(server.child.pid as number);
  const [before, own] = [cpuMilliseconds(pids), process.cpuUsage()];
  const latencies: number[] = [];
  for (let index = 0; index < count; index++) {
    picture.fill(index % 256);
    const began = performance.now();
    if (isShared) writeSync(input.file, picture, 0, BYTES, 0);
    const body = await post(
      `/v2/models/eye/methods/${copies ? "copy" : "look"}/infer`,
      isShared ? [json] : [json, picture],
      json.byteLength,
    );
    const bytes = isShared && copies ? readFrom(output, answer) : body;
    latencies.push(performance.now() - began);
    if (bytes[bytes.byteLength - 1] !== index % 256) throw new Error(`${way}: the answer is another picture's`);
  }
  const used = process.cpuUsage(own);
  return { latency: median(latencies), cpu: (cpuMilliseconds(pids) - before) / count, client: (used.user + used.system) / 1000 / count };
}

function readFrom(region: OwnRegion, into: Buffer): Buffer {
  readSync(region.file, into, 0, BYTES, 0);
  return into;
}

/** The body of the answer. @throws Error for one other than 200 */
async function post(path: string, body: readonly Buffer[], jsonLength?: number): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    const headers = {
      "Content-Type": "application/octet-stream",
      "Content-Length": body.reduce((sum, { byteLength }) => sum + byteLength, 0),
      ...(jsonLength === undefined ? {} : { "Inference-Header-Content-Length": jsonLength }),
    };
    const request = httpRequest(`${server.url}${path}`, { method: "POST", agent, headers }, (response) => {
      buffer(response).then((bytes) => {
        if (response.statusCode === 200) resolve(bytes);
        else reject(new Error(`${path}: ${response.statusCode} ${bytes.toString().slice(0, 300)}`));
      }, reject);
    });
    request.on("error", reject);
    for (const piece of body) request.write(piece);
    request.end();
  });
}

function print(): void {
  const rows = [...figures].map(([name, measured]) => {
    const [case_ = ""] = name.split(": ");
    const base = figures.get(`${case_}: ${WAYS[0]}`) ?? [];
    const of = (key: "latency" | "cpu" | "client"): string => {
      const value = median(measured.map((each) => each[key]));
      const ratio = median(measured.map((each, index) => each[key] / (base[index]?.[key] ?? Number.NaN)));
      return `${value.toFixed(2)} (${ratio.toFixed(2)})`;
    };
    return [name, of("latency"), of("cpu"), of("client")];
  });
  const head = ["a picture of 1280 x 720 x 3 bytes", "p50, ms", "CPU of server and host, ms", "CPU of the client, ms"];
  publish(
    "shared-memory",
    [
      "# Shared memory of clients, against binary tensors over HTTP",
      `One request after the other on one connection, ${requests} a round, ${rounds} interleaved rounds: medians, and in parentheses the median of the ratios to the first row of the case.`,
      tableOf([head, ...rows]),
      machine(),
    ],
    Object.fromEntries(figures),
  );
}
