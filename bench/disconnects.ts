import { parseArgs } from "node:util";
import type { LoadReport } from "../src/load/index.ts";
import type { Asked } from "./drive.ts";
import { type BenchModel, burner, forest, inferPath } from "./models.ts";
import { capacityOf, driveOpen, medianText, untilValid } from "./open-load.ts";
import { cpuMilliseconds, processTree } from "./processes.ts";
import { machine, publish, tableOf } from "./publish.ts";
import { startVariant, withVariants } from "./variant.ts";

/** Half of all clients hang up at random moments: what the other half sees of it, against the same load of which everybody stays. */
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "6" },
    late: { type: "string", default: "10" },
    work: { type: "string", default: "5" },
    /** Of both halves together, as a share of the capacity. */
    load: { type: "string", default: "0.7" },
  },
});
const seconds = Number(values.seconds);
const lateBoundMs = Number(values.late);

const STAYING = "everybody stays";
const LEAVING = "half of all hang up";
const SITUATIONS = [STAYING, "everybody stays again", LEAVING] as const;

interface Point {
  readonly model: string;
  readonly situation: string;
  readonly round: number;
  /** The half that always stays, then the other one. */
  readonly reports: readonly LoadReport[];
  /** Milliseconds of the server's whole process tree for one request of both halves. */
  readonly cpu: number;
}

const points: Point[] = [];
let voided = 0;
const models = [await forest(), burner(Number(values.work))];
const paths = models.map(({ directory }) => directory);
await withVariants([startVariant("ours", { paths })], async ([server]) => {
  const { url, pid } = server ?? { url: "", pid: 0 };
  for (const model of models) await capacityOf(url, askedOf(model), 1, 16);
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const model of models) {
      const rate = (Number(values.load) * (await capacityOf(url, askedOf(model), 2, 16))) / 2;
      // Those who leave do so within twice what an answer takes: some before it is begun, some while it is made, some never.
      const usual = await driveOpen(url, askedOf(model), { rate: 2 * rate, seconds: 2, seed: round, lateBoundMs });
      for (const situation of SITUATIONS) {
        const hangUp = situation === LEAVING ? { hangUpWithinMs: 2 * (usual.latency?.p50 ?? 0) } : {};
        let cpu = 0;
        const reports = await untilValid(async () => {
          const before = cpuMilliseconds(processTree(pid));
          const both = await Promise.all([
            driveOpen(url, askedOf(model), { rate, seconds, seed: round, lateBoundMs }),
            driveOpen(url, askedOf(model), { rate, seconds, seed: round + 1000, lateBoundMs, ...hangUp }),
          ]);
          cpu = (cpuMilliseconds(processTree(pid)) - before) / both.reduce((sum, { requests }) => sum + requests, 0);
          return both;
        });
        if (reports === undefined) voided++;
        else points.push({ model: model.name, situation, round, reports, cpu });
      }
    }
    process.stderr.write(`round ${round + 1} of ${values.rounds} done\n`);
  }
  print();
});

function askedOf(model: BenchModel): Asked {
  return { path: inferPath(model), body: model.body };
}

function print(): void {
  const find = (model: string, situation: string): Point[] =>
    points.filter((point) => point.model === model && point.situation === situation);
  const rows = models.flatMap(({ name }) =>
    SITUATIONS.map((situation) => {
      const own = find(name, situation);
      const base = new Map(find(name, STAYING).map(({ round, reports }) => [round, reports[0]?.latency?.p99]));
      const of = (figure: (point: Point) => number | undefined, digits: number): string => medianText(own.map(figure), digits);
      return [
        name,
        situation,
        of(({ reports }) => reports[0]?.requests, 0),
        of(({ reports }) => reports[0] && reports[0].requests - reports[0].answers, 0),
        of(({ reports }) => reports[0]?.latency?.p50, 2),
        of(({ reports }) => reports[0]?.latency?.p99, 2),
        of(({ reports, round }) => {
          const [p99, stayed] = [reports[0]?.latency?.p99, base.get(round)];
          return p99 === undefined || stayed === undefined ? undefined : p99 / stayed;
        }, 2),
        of(({ reports }) => reports[1]?.outcomes["hung up"] ?? 0, 0),
        of(({ cpu }) => cpu, 2),
      ];
    }),
  );
  const titles = ["model", "situation", "requests", "not answered", "p50 ms", "p99 ms", "p99 / staying", "hung up", "CPU ms/request"];
  const head = [
    `${machine()} Medians of ${values.rounds} interleaved rounds of ${seconds} s.`,
    `Figures are those of the half that always stays; both halves together are offered ${values.load} of the capacity.`,
    `Runs that are left out because a client was more than ${values.late} ms late each time: ${voided}.`,
  ];
  publish("disconnects", [head.join("\n"), tableOf([titles, ...rows])], points);
}
