import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { LoadReport } from "../src/load/index.ts";
import { MAIN } from "../test/server-process.ts";
import type { Asked } from "./drive.ts";
import { burner, inferPath } from "./models.ts";
import { capacityOf, driveOpen, medianText, untilValid } from "./open-load.ts";
import { machine, publish, tableOf } from "./publish.ts";
import { startVariant, withVariants } from "./variant.ts";

/** Two clients share a server, and one of them sends ten times its share: what the other sees, with a key each and with one key for both. */
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "8" },
    late: { type: "string", default: "10" },
    work: { type: "string", default: "5" },
    share: { type: "string", default: "0.25" },
    flood: { type: "string", default: "10" },
  },
});
const seconds = Number(values.seconds);
const lateBoundMs = Number(values.late);
const share = Number(values.share);
const model = burner(Number(values.work));

/** What the second client does, and who it is. */
interface Situation {
  readonly name: string;
  /** Times its share that the second client sends. */
  readonly times: number;
  readonly sameKey: boolean;
}

const flood = Number(values.flood);
const ALONE: Situation = { name: "alone", times: 0, sameKey: false };
const NEIGHBOUR: Situation = { name: "beside a client that keeps to its share", times: 1, sameKey: false };
const SITUATIONS: readonly Situation[] = [
  ALONE,
  { name: "alone again", times: 0, sameKey: false },
  NEIGHBOUR,
  { name: `beside a flood of ${flood} shares, a key each`, times: flood, sameKey: false },
  { name: `beside a flood of ${flood} shares, one key for both`, times: flood, sameKey: true },
];

const folder = mkdtempSync(join(tmpdir(), "nitrous-fairness-"));
const stateDirectory = join(folder, "state");
const createKey = (name: string): string =>
  execFileSync(process.execPath, [MAIN, "keys", "create", name, "--scope", "infer", "--state-dir", stateDirectory], { stdio: "pipe" })
    .toString()
    .trim();
const [modest, greedy] = [createKey("modest"), createKey("greedy")];
const asked = (key: string): Asked => ({
  path: inferPath(model),
  body: model.body,
  headers: { Authorization: `Bearer ${key}` },
});

interface Point {
  readonly round: number;
  /** Of the modest client, and of the other when there is one. */
  readonly reports: readonly LoadReport[];
}

const points = new Map<string, Point[]>(SITUATIONS.map(({ name }) => [name, []]));
let voided = 0;
try {
  const server = startVariant("ours", { paths: [model.directory], flags: { "state-dir": stateDirectory } });
  await withVariants([server], async ([variant]) => {
    const url = variant?.url ?? "";
    await capacityOf(url, asked(modest), 1);
    for (let round = 0; round < Number(values.rounds); round++) {
      const capacity = await capacityOf(url, asked(modest), 3);
      for (const situation of SITUATIONS) {
        const reports = await untilValid(() => measure(url, situation, capacity, round));
        if (reports === undefined) voided++;
        else points.get(situation.name)?.push({ round, reports });
      }
      process.stderr.write(`round ${round + 1} of ${values.rounds} done, capacity ${capacity.toFixed(0)} a second\n`);
    }
    print();
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** The modest client's report first, then that of the other when there is one. */
async function measure(url: string, { times, sameKey }: Situation, capacity: number, round: number): Promise<LoadReport[]> {
  const rate = share * capacity;
  const modestly = driveOpen(url, asked(modest), { rate, seconds, seed: round, lateBoundMs });
  if (times === 0) return [await modestly];
  const greedily = driveOpen(url, asked(sameKey ? modest : greedy), { rate: times * rate, seconds, seed: round + 1000, lateBoundMs });
  return await Promise.all([modestly, greedily]);
}

function print(): void {
  const p99Of = ({ reports }: Point): number | undefined => reports[0]?.latency?.p99;
  const rows = SITUATIONS.map(({ name }) => {
    const own = points.get(name) ?? [];
    const of = (who: 0 | 1, figure: (report: LoadReport) => number | undefined, digits: number): string =>
      medianText(
        own.map(({ reports }) => reports[who] && figure(reports[who])),
        digits,
      );
    /** Within each round. */
    const ratioTo = (base: Situation): string =>
      medianText(
        own.map((point) => {
          const other = points.get(base.name)?.find(({ round }) => round === point.round);
          const [p99, otherP99] = [p99Of(point), other && p99Of(other)];
          return p99 === undefined || otherP99 === undefined ? undefined : p99 / otherP99;
        }),
        2,
      );
    return [
      name,
      of(0, ({ latency }) => latency?.p50, 1),
      of(0, ({ latency }) => latency?.p99, 1),
      ratioTo(ALONE),
      ratioTo(NEIGHBOUR),
      of(0, ({ requests, answers }) => requests - answers, 0),
      of(1, ({ answersPerSecond }) => answersPerSecond, 1),
      of(1, ({ requests, answers }) => requests - answers, 0),
      of(1, ({ latency }) => latency?.p99, 0),
    ];
  });
  const titles = [
    "the modest client",
    "p50 ms",
    "p99 ms",
    "p99 / alone",
    "p99 / beside one share",
    "not answered",
    "other: answers/s",
    "other: not answered",
    "other: p99 ms",
  ];
  const head = [
    `${machine()} Medians of ${values.rounds} interleaved rounds of ${seconds} s.`,
    `Requests of ${values.work} ms of processor each; a share is ${share} of the capacity. Wanted beside the flood: p99 within 1.5 of alone.`,
    "With one key for both, requests are served first in, first out. 'Alone again' is the A/A pair.",
    `Runs that are left out because a client was more than ${values.late} ms late each time: ${voided}.`,
  ];
  publish("fairness", [head.join("\n"), tableOf([titles, ...rows])], Object.fromEntries(points));
}
