import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { median } from "../src/load/index.ts";
import { grpcPortOf, type ServerProcess, startServer, untilLoaded } from "../test/server-process.ts";
import type { Asking, ClientOrder, ClientReport, Wire } from "./ensemble-client.ts";
import { cpuMilliseconds, processTree } from "./processes.ts";
import { machine, publish, tableOf } from "./publish.ts";

/**
 * An ensemble of three models (Python, ONNX, TypeScript: examples/ensemble) beside the same three asked one after the other by a client, over
 * HTTP and over gRPC; the ensemble twice, to show the noise. The client is a process of its own, the same for all.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "7" },
    seconds: { type: "string", default: "3" },
    connections: { type: "string", default: "1,16" },
    quick: { type: "boolean", default: false },
  },
});
const ROUNDS = values.quick ? 2 : Number(values.rounds);
const SECONDS = values.quick ? 1 : Number(values.seconds);
const COUNTS = values.connections.split(",").map(Number);
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

interface Way {
  readonly name: string;
  readonly asking: Asking;
  readonly wire: Wire;
}

interface Figures {
  readonly p50: number;
  readonly p99: number;
  readonly rate: number;
  /** Milliseconds of the server and its hosts for each request, or each three. */
  readonly cpu: number;
}

const WIRES: readonly Wire[] = ["http", "grpc"];
const ENSEMBLE = "the ensemble";
const AGAIN = "the ensemble again (A/A)";
const CHAIN = "three requests of the client";
const WAYS: readonly Way[] = WIRES.flatMap((wire) => [
  { name: ENSEMBLE, asking: "ensemble" as const, wire },
  { name: CHAIN, asking: "chain" as const, wire },
  { name: AGAIN, asking: "ensemble" as const, wire },
]);

const figures: Array<Way & Figures & { readonly round: number; readonly connections: number }> = [];

async function measure(server: ServerProcess, way: Way, connections: number, seconds: number): Promise<Figures> {
  const { asking, wire } = way;
  const order: ClientOrder = { url: server.url, grpcPort: grpcPortOf(server), asking, wire, connections, seconds };
  const tree = processTree(server.child.pid as number);
  const before = cpuMilliseconds(tree);
  const child = spawn(process.execPath, ["--import", "tsx", here("./ensemble-client.ts"), JSON.stringify(order)], {
    stdio: ["ignore", "pipe", "inherit"],
    // In a session of its own, which the system may schedule before others.
    detached: true,
  });
  const answer = await text(child.stdout);
  if (answer === "") throw new Error(`the client of ${way.name} over ${wire} ended without a report`);
  const { requests, latencies } = JSON.parse(answer) as ClientReport;
  const sorted = [...latencies].sort((one, other) => one - other);
  const percentile = (part: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] as number;
  return { p50: percentile(0.5), p99: percentile(0.99), rate: requests / seconds, cpu: (cpuMilliseconds(tree) - before) / requests };
}

const server = await startServer([here("../examples/ensemble/models")], ["--grpc-port", "0"]);
try {
  await untilLoaded(server);
  for (const way of WAYS) await measure(server, way, 16, 1);
  for (let round = 0; round < ROUNDS; round++) {
    for (const connections of COUNTS) {
      for (const way of round % 2 === 0 ? WAYS : [...WAYS].reverse()) {
        figures.push({ ...way, round, connections, ...(await measure(server, way, connections, SECONDS)) });
      }
    }
    process.stderr.write(`round ${round + 1} of ${ROUNDS} done\n`);
  }
} finally {
  await server.stop();
}

const of = (wire: Wire, connections: number, name: string, figure: keyof Figures): number[] =>
  figures.filter((each) => each.wire === wire && each.connections === connections && each.name === name).map((each) => each[figure]);

/** Of each round the figure of the ensemble as a part of another way's: the median, and the least and the most. */
function ratio(wire: Wire, connections: number, name: string, figure: keyof Figures): string {
  const others = of(wire, connections, name, figure);
  const ratios = of(wire, connections, ENSEMBLE, figure).map((value, round) => value / (others[round] as number));
  return `${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`;
}

const rows = WIRES.flatMap((wire) =>
  COUNTS.flatMap((connections) =>
    [ENSEMBLE, AGAIN, CHAIN].map((name) => [
      wire,
      String(connections),
      name,
      median(of(wire, connections, name, "p50")).toFixed(2),
      median(of(wire, connections, name, "p99")).toFixed(2),
      median(of(wire, connections, name, "rate")).toFixed(0),
      median(of(wire, connections, name, "cpu")).toFixed(3),
      name === ENSEMBLE ? "1" : ratio(wire, connections, name, "p50"),
      name === ENSEMBLE ? "1" : ratio(wire, connections, name, "cpu"),
    ]),
  ),
);
const head = [
  "over",
  "at once",
  "asked",
  "p50 ms",
  "p99 ms",
  "answers/s",
  "CPU ms/answer",
  "latency of the ensemble / this",
  "CPU of the ensemble / this",
];
publish(
  "ensemble",
  [
    `${machine()} Medians of ${ROUNDS} interleaved rounds of ${SECONDS} s, ratios within a round. The client shares the processors.`,
    tableOf([head, ...rows]),
  ],
  figures,
);
