import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { create, toBinary } from "@bufbuild/protobuf";
import { Client, credentials } from "@grpc/grpc-js";
import { ModelInferRequestSchema } from "../src/grpc-messages/index.ts";
import { median } from "../src/load/index.ts";
import { cpuMilliseconds, processTree } from "./processes.ts";
import { machine, publish, tableOf } from "./publish.ts";

/**
 * Unary ModelInfer on our server, whose data plane answers at once, beside a plain echo of grpc-js, of 1 row and of 4 MiB. The same client
 * for all, rounds interleaved, the echo twice to show the noise.
 */
const { values } = parseArgs({ options: { rounds: { type: "string", default: "7" }, quick: { type: "boolean", default: false } } });
const ROUNDS = values.quick ? 3 : Number(values.rounds);
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const PATH = "/inference.GRPCInferenceService/ModelInfer";
const NAMES = ["grpc-js", "ours", "grpc-js again"];

const message = (bytes: number): Buffer =>
  Buffer.from(
    toBinary(
      ModelInferRequestSchema,
      create(ModelInferRequestSchema, {
        modelName: "echo",
        inputs: [{ name: "x", datatype: "FP32", shape: [1n, BigInt(bytes / 4)] }],
        rawInputContents: [new Uint8Array(bytes)],
      }),
    ),
  );
const CASES = [
  { name: "1 row of 4 FP32", body: message(16), calls: 3000, atOnce: 16 },
  { name: "4 MiB", body: message(4 * 1024 * 1024), calls: 40, atOnce: 4 },
];

const same = (bytes: Buffer): Buffer => bytes;
const servers = await Promise.all(
  NAMES.map(async (name) => {
    const child = spawn(process.execPath, ["--import", "tsx", here("./grpc-server.ts"), name.replace(" again", "")], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const port = await new Promise<string>((resolve) => child.stdout.once("data", (text) => resolve(String(text).trim())));
    const limits = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };
    return { name, child, client: new Client(`127.0.0.1:${port}`, credentials.createInsecure(), limits) };
  }),
);

function call(client: Client, body: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(PATH, same, same, body, (error) => (error === null ? resolve() : reject(error)));
  });
}

const rows = [["case", "server", "calls/s", "CPU ms/call", "rate / echo", "echo CPU / CPU"]];
const figures: object[] = [];
for (const { name, body, calls, atOnce } of CASES) {
  const seen = new Map(NAMES.map((server) => [server, { rates: [] as number[], cpu: [] as number[] }]));
  for (let round = -1; round < ROUNDS; round++) {
    for (const { name: server, child, client } of round % 2 === 0 ? servers : [...servers].reverse()) {
      const tree = processTree(child.pid as number);
      const cpuBefore = cpuMilliseconds(tree);
      const began = performance.now();
      let left = calls;
      await Promise.all(
        Array.from({ length: atOnce }, async () => {
          while (left-- > 0) await call(client, body);
        }),
      );
      // The first round warms up.
      if (round < 0) continue;
      const rate = (calls / (performance.now() - began)) * 1000;
      const cpu = (cpuMilliseconds(tree) - cpuBefore) / calls;
      seen.get(server)?.rates.push(rate);
      seen.get(server)?.cpu.push(cpu);
      figures.push({ case: name, server, round, rate, cpu });
    }
  }
  const [echoRate, echoCpu] = [median(seen.get("grpc-js")?.rates ?? []), median(seen.get("grpc-js")?.cpu ?? [])];
  for (const [server, { rates, cpu }] of seen) {
    const [rate, used] = [median(rates), median(cpu)];
    rows.push([name, server, rate.toFixed(0), used.toFixed(3), (rate / echoRate).toFixed(2), (echoCpu / used).toFixed(2)]);
  }
}
for (const { child, client } of servers) {
  client.close();
  child.kill();
}
publish("grpc", [machine(), tableOf(rows)], figures);
