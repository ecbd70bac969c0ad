import { parseArgs } from "node:util";
import type { LoadReport } from "../src/load/index.ts";
import type { Asked } from "./drive.ts";
import { burner, inferPath } from "./models.ts";
import { capacityOf, driveOpen, medianText, untilValid } from "./open-load.ts";
import { machine, publish, tableOf } from "./publish.ts";
import { startVariant, type Variant, withVariants } from "./variant.ts";

/** Offered up to four times what it can do, does a server still do what it can? Against the same server with a queue without an end. */
const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "8" },
    late: { type: "string", default: "10" },
    work: { type: "string", default: "10" },
    deadline: { type: "string", default: "200" },
    loads: { type: "string", default: "0.5,1,2,4" },
  },
});
const seconds = Number(values.seconds);
const lateBoundMs = Number(values.late);
const deadlineMs = Number(values.deadline);
const loads = values.loads.split(",").map(Number);
const model = burner(Number(values.work));
const withDeadline: Asked = { path: inferPath(model), body: model.body, headers: { "nitrous-timeout": String(deadlineMs) } };
const withoutDeadline: Asked = { path: inferPath(model), body: model.body };

const OURS = "ours";
/** First in, first out, and nobody is refused: what a server does that has only a queue. */
const ENDLESS = "endless queue, no deadlines";
const endless = { "max-queue-requests": "1000000000", "max-queue-bytes": "100000000000", "request-timeout": "600000" };

interface Point {
  readonly variant: string;
  readonly load: number;
  readonly capacity: number;
  /** Share of the round's best goodput of this variant. */
  share: number;
  readonly report: LoadReport;
}

const points: Point[] = [];
let voided = 0;
const paths = [model.directory];
const starting = [startVariant(OURS, { paths }), startVariant("ours again", { paths }), startVariant(ENDLESS, { paths, flags: endless })];
await withVariants(starting, async (variants) => {
  for (const { url } of variants) await capacityOf(url, withoutDeadline, 1);
  for (let round = 0; round < Number(values.rounds); round++) {
    const capacity = await capacityOf((variants[0] as Variant).url, withoutDeadline, 3);
    const measured: Point[] = [];
    for (const load of loads) for (const variant of variants) measured.push(...(await measure(variant, load, capacity, round)));
    for (const point of measured) {
      const own = measured.filter(({ variant }) => variant === point.variant).map(goodputOf);
      point.share = goodputOf(point) / Math.max(...own);
    }
    points.push(...measured);
    process.stderr.write(`round ${round + 1} of ${values.rounds} done, capacity ${capacity.toFixed(0)} a second\n`);
  }
  print(variants);
});

async function measure({ name, url }: Variant, load: number, capacity: number, seed: number): Promise<Point[]> {
  const run = { rate: load * capacity, seconds, seed, deadlineMs, lateBoundMs };
  const reports = await untilValid(async () => [await driveOpen(url, name === ENDLESS ? withoutDeadline : withDeadline, run)]);
  if (reports === undefined) voided++;
  return (reports ?? []).map((report) => ({ variant: name, load, capacity, share: 0, report }));
}

function goodputOf({ report }: Point): number {
  return report.goodput?.perSecond ?? 0;
}

function print(variants: readonly Variant[]): void {
  const rows = variants.flatMap(({ name }) =>
    loads.map((load) => {
      const own = points.filter((point) => point.variant === name && point.load === load);
      const figure = (of: (report: LoadReport) => number | undefined, digits = 0): string =>
        medianText(
          own.map(({ report }) => of(report)),
          digits,
        );
      return [
        name,
        String(load),
        medianText(
          own.map(({ capacity }) => load * capacity),
          0,
        ),
        figure(({ goodput }) => goodput?.perSecond, 1),
        medianText(
          own.map(({ share }) => share),
          2,
        ),
        figure(({ latency }) => latency?.p50),
        figure(({ latency }) => latency?.p99),
        figure(({ requests, answers }) => requests - answers),
        figure(({ outcomes }) => outcomes[504] ?? 0),
        figure(({ refusalLatency }) => refusalLatency?.p50, 1),
        figure(({ generator }) => generator.late?.p99, 1),
      ];
    }),
  );
  const titles = [
    "server",
    "× capacity",
    "offered/s",
    "goodput/s",
    "of its peak",
    "p50 ms",
    "p99 ms",
    "others",
    "of these 504",
    "their p50 ms",
    "client late p99 ms",
  ];
  const head = [
    `${machine()} Medians of ${values.rounds} interleaved rounds of ${seconds} s.`,
    `Requests of ${values.work} ms of processor each; goodput is what is answered within ${deadlineMs} ms of the arrival.`,
    "Wanted of ours at 2 and 4 × capacity: at least 0.90 of its peak, p99 within the deadline, refusals in under 10 ms at the median.",
    `Runs that are left out because the client was more than ${values.late} ms late each time: ${voided}.`,
  ];
  publish("overload", [head.join("\n"), tableOf([titles, ...rows])], points);
}
