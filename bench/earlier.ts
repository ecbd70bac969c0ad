import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { median } from "../src/load/index.ts";
import { EXAMPLES } from "../test/server-process.ts";
import { driveClosed } from "./drive.ts";
import { cpuMilliseconds, processTree } from "./processes.ts";
import { machine, publish, tableOf } from "./publish.ts";

/**
 * This checkout beside an earlier one: processor time of a request, of the server and its host, for a scikit-learn model. The earlier one is
 * asked twice, to show the noise. Both must have been built, and run as their users start them, with their own defaults.
 *
 *     npx tsx bench/earlier.ts FOLDER [--rounds 6] [--seconds 3] [--connections 16,64]
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "6" },
    seconds: { type: "string", default: "3" },
    connections: { type: "string", default: "16,64" },
  },
});
const [earlier] = positionals;
if (earlier === undefined) throw new Error("which checkout? npx tsx bench/earlier.ts FOLDER");

const model = join(EXAMPLES, "iris");
const asked = { path: "/v2/models/iris/infer", body: readFileSync(join(model, "example.json"), "utf8") };

interface Started {
  readonly child: ChildProcess;
  readonly url: string;
}

async function start(checkout: string): Promise<Started> {
  const child = spawn(process.execPath, [join(checkout, "dist/cli/main.js"), "serve", model, "--http-port", "0"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  for (;;) {
    const url = /listening on (http:\S+)/.exec(output)?.[1];
    const reply = url === undefined ? undefined : await fetch(`${url}${asked.path}`, { method: "POST", body: asked.body });
    if (url !== undefined && reply?.status === 200) return { child, url };
    if (child.exitCode !== null) throw new Error(`the server of ${checkout} ended:\n${output}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const now = await start(fileURLToPath(new URL("..", import.meta.url)));
const then = await start(earlier);
const ways = [
  { name: "earlier", ...then },
  { name: "now", ...now },
  { name: "earlier again (A/A)", ...then },
];
const figures: Array<{ readonly name: string; readonly connections: number; readonly round: number; readonly cpu: number }> = [];
try {
  for (let round = -1; round < Number(values.rounds); round++) {
    for (const connections of values.connections.split(",").map(Number)) {
      for (const { name, child, url } of round % 2 === 0 ? ways : [...ways].reverse()) {
        const processes = processTree(child.pid as number);
        const before = cpuMilliseconds(processes);
        const { requests } = await driveClosed(url, asked, { connections, seconds: Number(values.seconds) });
        // The first round warms up.
        if (round >= 0) figures.push({ name, connections, round, cpu: (cpuMilliseconds(processes) - before) / requests });
      }
    }
  }
} finally {
  for (const { child } of [now, then]) {
    child.kill();
    await once(child, "exit");
  }
}

const rows = [["connections", "server", "CPU ms/request", "÷ earlier, median of the rounds"]];
for (const connections of values.connections.split(",").map(Number)) {
  for (const { name } of ways) {
    const of = (way: string): typeof figures => figures.filter((each) => each.connections === connections && each.name === way);
    const ratios = of(name).map(({ cpu, round }) => cpu / (of("earlier").find((each) => each.round === round)?.cpu ?? Number.NaN));
    rows.push([String(connections), name, median(of(name).map(({ cpu }) => cpu)).toFixed(4), median(ratios).toFixed(2)]);
  }
}
publish("earlier", [machine(), tableOf(rows)], figures);
