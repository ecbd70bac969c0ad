import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { median } from "../src/load/index.ts";
import { cpuMilliseconds, processTree } from "./processes.ts";
import { change } from "./turnover.ts";
import { startVariant } from "./variant.ts";

/**
 * Measures what loads of the examples take, for the simulation of eviction.ts: writes host-kinds.json beside this file. The shares are
 * ours: how many of a hundred models are of each kind.
 */
const { values } = parseArgs({ options: { rounds: { type: "string", default: "3" } } });

const example = (path: string): string => fileURLToPath(new URL(`../examples/${path}`, import.meta.url));
const KINDS = [
  { kind: "ONNX", path: "models/iris-onnx", model: "iris-onnx", share: 0.2 },
  { kind: "TypeScript", path: "models/text-stats", model: "text-stats", share: 0.1 },
  { kind: "Python", path: "models/sentiment", model: "sentiment", share: 0.1 },
  { kind: "LightGBM", path: "models/diabetes", model: "diabetes", share: 0.1 },
  { kind: "scikit-learn", path: "models/iris", model: "iris", share: 0.2 },
  { kind: "XGBoost", path: "models/breast-cancer", model: "breast-cancer", share: 0.1 },
  { kind: "PyTorch", path: "pytorch/service.yaml", model: "circle-pytorch", share: 0.1 },
  { kind: "TensorFlow", path: "tensorflow/service.yaml", model: "circle-tensorflow", share: 0.1 },
] as const;

interface Load {
  readonly loadMs: number;
  readonly cpuMs: number;
  readonly bytes: number;
}

const measured = [];
for (const { kind, path, model, share } of KINDS) {
  const loads = await loadsOf(path, model);
  const middle = (figure: (load: Load) => number): number => Math.round(median(loads.map(figure)));
  const bytes = middle((load) => load.bytes);
  const row = { kind, share, loadMs: middle((load) => load.loadMs), cpuMs: middle((load) => load.cpuMs), bytes };
  measured.push(row);
  process.stdout.write(`${kind}: ${row.loadMs} ms, of which ${row.cpuMs} of processor; ${Math.round(bytes / 1048576)} MiB\n`);
}
const file = fileURLToPath(new URL("./host-kinds.json", import.meta.url));
writeFileSync(file, `${JSON.stringify({ command: "npx tsx bench/measure-hosts.ts", node: process.version, kinds: measured }, null, 2)}\n`);

/** Every load is by a process of its own; what the system keeps of its files is there from the first one on, which does not count. */
async function loadsOf(path: string, model: string): Promise<Load[]> {
  const server = await startVariant(model, { paths: [example(path)], flags: { trust: "all", "request-timeout": "600000" } });
  try {
    const loads: Load[] = [];
    for (let round = 0; round < Number(values.rounds); round++) {
      await change(server.url, model, "evict");
      const began = performance.now();
      await change(server.url, model, "load");
      const loadMs = performance.now() - began;
      const status = (await (await fetch(`${server.url}/nitrous/models/${model}`)).json()) as { memoryBytes: number; hostPid: number };
      loads.push({ loadMs, cpuMs: cpuMilliseconds(processTree(status.hostPid)), bytes: status.memoryBytes });
    }
    return loads;
  } finally {
    await server.stop();
  }
}
