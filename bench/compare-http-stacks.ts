import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { median } from "../src/load/index.ts";
import { driveClosed } from "./drive.ts";
import { cpuMilliseconds, processTree } from "./processes.ts";

/**
 * CPU milliseconds per request of the ways to serve HTTP, interleaved; node:http runs twice to show the noise. "ours" checks nothing,
 * "ours, open" Host and Origin, "ours, with a key" a key that is limited to a model too.
 */
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const body = JSON.stringify({ inputs: [{ name: "x", datatype: "FP64", shape: [1, 4], data: [5.1, 3.5, 1.4, 0.2] }] });
/** What http-stack.ts prints. */
interface Started {
  readonly port: number;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const ROUNDS = 5;
const SECONDS = 2;

const servers = await Promise.all(
  ["node:http", "node:http again", "fastify", "ours", "ours, open", "ours, with a key"].map(async (name) => {
    const stack = name.replace(" again", "");
    const child = spawn(process.execPath, ["--import", "tsx", here("./http-stack.ts"), stack], { stdio: ["ignore", "pipe", "inherit"] });
    const started = await new Promise<string>((resolve) => child.stdout.once("data", (text) => resolve(String(text))));
    return { name, child, pid: child.pid as number, ...(JSON.parse(started) as Started) };
  }),
);
for (const connections of [16, 64]) {
  const cpu = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, pid, port, ...started } of servers) {
      const before = cpuMilliseconds(processTree(pid));
      const { requests } = await driveClosed(`http://127.0.0.1:${port}`, { ...started, body }, { connections, seconds: SECONDS });
      cpu.set(name, [...(cpu.get(name) ?? []), (cpuMilliseconds(processTree(pid)) - before) / requests]);
    }
  }
  const base = median(cpu.get("node:http") ?? []);
  for (const [name, figures] of cpu) {
    process.stdout.write(
      `${connections} connections, ${name}: ${median(figures).toFixed(4)} CPU ms/request, ${(median(figures) / base).toFixed(2)} of node:http\n`,
    );
  }
}
for (const { child } of servers) child.kill();
