import { execFile, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { median } from "../src/load/index.ts";
import { EXAMPLES, MAIN, type ServerProcess, startServer, untilLoaded } from "../test/server-process.ts";
import { driveClosed } from "./drive.ts";
import type { Answers, Question } from "./probe.ts";
import { cpuMilliseconds, memoryBytes, processTree } from "./processes.ts";
import { machine, publish, tableOf } from "./publish.ts";
import { applyAll, COLLECTION, inferenceServices, watchUntilReady } from "./services.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "4" },
    services: { type: "string", default: "200" },
    loaded: { type: "string", default: "100" },
    "models-per-host": { type: "string", default: "25" },
    connections: { type: "string", default: "8" },
  },
});
const [rounds, seconds, count, loaded] = [values.rounds, values.seconds, values.services, values.loaded].map(Number) as [
  number,
  number,
  number,
  number,
];

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const flower = { inputs: [{ name: "features", datatype: "FP32", shape: [1, 4], data: [5.1, 3.5, 1.4, 0.2] }] };
const QUESTIONS: readonly Question[] = [
  { name: "infer", period: 10, method: "POST", path: "/v2/models/iris-onnx/infer", body: JSON.stringify(flower) },
  { name: "GET one", period: 20, method: "GET", path: `${COLLECTION}/iris-onnx` },
  { name: "list", period: 200, method: "GET", path: COLLECTION },
  { name: "health", period: 3, method: "GET", path: "/health/live" },
];
const PHASES = ["idle", "idle again", "applying", "all ready", "all ready again"] as const;
type Phase = (typeof PHASES)[number];

/** By the name of the figure. */
type Figures = Record<string, number>;

const results: Array<{ readonly phases: Readonly<Record<Phase, Answers>>; readonly figures: Figures }> = [];
for (let round = 0; round < rounds; round++) {
  results.push(await measureRound());
  process.stderr.write(`round ${round + 1} of ${rounds} done\n`);
}
print();

/** Everything once: idle, applied over HTTP, at rest, restarted, and on a fresh state applied by the command line tool. */
async function measureRound(): Promise<(typeof results)[number]> {
  const directory = mkdtempSync(join(tmpdir(), "nitrous-many-services-"));
  try {
    const { phases, figures } = await applyOverHttp(join(directory, "state"));
    Object.assign(figures, await restart(join(directory, "state")), await applyFromFile(directory));
    return { phases, figures };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function start(state: string): Promise<ServerProcess> {
  return await startServer([`${EXAMPLES}/iris-onnx`], ["--state-dir", state, "--max-models-per-host", values["models-per-host"]]);
}

async function applyOverHttp(state: string): Promise<(typeof results)[number]> {
  const server = await start(state);
  await untilLoaded(server);
  const probe = fork(here("./probe.ts"), [JSON.stringify({ url: server.url, questions: QUESTIONS })], { execArgv: ["--import", "tsx"] });
  const died = once(probe, "exit").then(() => Promise.reject(new Error("the probe ended: a request was not answered with 200")));
  died.catch(() => undefined);
  const phases: Partial<Record<Phase, Answers>> = {};
  const figures: Figures = {};
  /** Ends a phase; an undefined name throws its figures away. */
  const endPhase = async (name: Phase | undefined): Promise<void> => {
    probe.send("");
    const [answers] = (await Promise.race([once(probe, "message"), died])) as [Answers];
    const lag = await loopLag(server.url);
    if (name === undefined) return;
    phases[name] = answers;
    figures[`event loop lag p99 by /metrics: ${name}, ms`] = lag;
  };
  try {
    await warmUp(server.url);
    await endPhase(undefined);
    for (const phase of ["idle", "idle again"] as const) {
      await delay(seconds * 1000);
      await endPhase(phase);
    }
    const pid = server.child.pid as number;
    const used = cpuMilliseconds([pid]);
    const { allReady } = await watchUntilReady(server.url, count);
    const started = performance.now();
    await applyAll(server.url, inferenceServices(count, loaded), Number(values.connections));
    const applied = performance.now();
    const { changes } = await allReady;
    const ready = performance.now();
    await endPhase("applying");
    figures["apply: all applied, s"] = (applied - started) / 1000;
    figures["apply: applied a second"] = (count * 1000) / (applied - started);
    figures["apply: all ready, s after the first request"] = (ready - started) / 1000;
    figures["apply: changes that a watch saw, a service"] = changes / count;
    figures["apply: CPU of the server itself, ms a service"] = (cpuMilliseconds([pid]) - used) / count;
    for (const phase of ["all ready", "all ready again"] as const) {
      await delay(seconds * 1000);
      await endPhase(phase);
    }
    figures["memory of the server, MiB"] = memoryBytes([pid]) / 1048576;
    figures["memory of its hosts, MiB"] = memoryBytes(processTree(pid).slice(1)) / 1048576;
  } finally {
    if (probe.connected) probe.disconnect();
    await server.stop();
  }
  return { phases: phases as Record<Phase, Answers>, figures };
}

/** Long enough for Node to have compiled what the idle phase measures first. */
async function warmUp(url: string): Promise<void> {
  const { path, body } = QUESTIONS[0] as Question;
  await driveClosed(url, { path, body: body ?? "" }, { connections: 4, seconds: 2 });
  await delay(2_000);
}

async function restart(state: string): Promise<Figures> {
  const started = performance.now();
  const server = await start(state);
  const listening = performance.now();
  try {
    await (await watchUntilReady(server.url, count)).allReady;
    const ready = performance.now();
    return { "restart: listening, s": (listening - started) / 1000, "restart: all ready, s": (ready - started) / 1000 };
  } finally {
    await server.stop();
  }
}

async function applyFromFile(directory: string): Promise<Figures> {
  const file = join(directory, "services.yaml");
  writeFileSync(
    file,
    inferenceServices(count, loaded)
      .map((service) => JSON.stringify(service))
      .join("\n---\n"),
  );
  const server = await start(join(directory, "state-of-cli"));
  try {
    await untilLoaded(server);
    const { allReady } = await watchUntilReady(server.url, count);
    const started = performance.now();
    const environment = { ...process.env, NITROUS_SERVER: server.url };
    await promisify(execFile)(process.execPath, [MAIN, "apply", "-f", file], { env: environment, maxBuffer: 16 * 1024 * 1024 });
    const applied = performance.now();
    await allReady;
    const ready = performance.now();
    return { "nitrous apply -f: applied, s": (applied - started) / 1000, "nitrous apply -f: all ready, s": (ready - started) / 1000 };
  } finally {
    await server.stop();
  }
}

/** Milliseconds, since the last scrape. */
async function loopLag(url: string): Promise<number> {
  const page = await (await fetch(`${url}/metrics`)).text();
  return Number(/^nitrous_event_loop_lag_seconds (\S+)$/m.exec(page)?.[1]) * 1000;
}

function print(): void {
  const of = (name: string, phase: Phase, figure: "p50" | "p99" | "max"): number =>
    median(results.map(({ phases }) => phases[phase][name]?.[figure] ?? Number.NaN));
  const latencies = QUESTIONS.flatMap(({ name }) =>
    PHASES.map((phase) => {
      const ratio = (figure: "p50" | "p99"): string => (of(name, phase, figure) / of(name, "idle", figure)).toFixed(2);
      const figures = (["p50", "p99", "max"] as const).map((figure) => of(name, phase, figure).toFixed(2));
      return [name, phase, ...figures, ratio("p50"), ratio("p99")];
    }),
  );
  const names = Object.keys(results[0]?.figures ?? {}).sort();
  const figures = names.map((name) => [name, median(results.map((result) => result.figures[name] ?? Number.NaN)).toFixed(2)]);
  const head = [
    `${machine()} Medians of ${rounds} rounds.`,
    `${count} InferenceServices, ${loaded} loaded (${values["models-per-host"]} to a host), the rest standing by.`,
  ];
  const tables = [
    tableOf([["request", "while", "p50 ms", "p99 ms", "max ms", "p50 / idle", "p99 / idle"], ...latencies]),
    tableOf([["figure", "median"], ...figures]),
  ];
  publish("many-services", [head.join("\n"), ...tables], results);
}
