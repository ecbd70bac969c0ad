import { z } from "zod";
import { ageOf } from "./age.ts";
import type { Client } from "./client.ts";
import { type Field, renderFields } from "./describe-text.ts";
import { renderTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

const counts = z.record(z.string(), z.number());
const report = z.object({
  namespace: z.string(),
  model: z.string(),
  shadow: z.string(),
  percent: z.number(),
  tolerance: z.number(),
  results: counts,
  dropped: counts,
  primaryMs: z.number(),
  shadowMs: z.number(),
  differing: z.array(z.object({ time: z.string(), request: z.string(), result: z.string(), difference: z.string() })),
});

/** What `GET /nitrous/shadows` tells of one service (src/core/shadow.ts). */
export type ShadowReport = z.infer<typeof report>;

/** Undefined for a service without a shadow. */
export async function shadowReportOf(client: Client, namespace: string, name: string): Promise<ShadowReport | undefined> {
  const reports = z.array(report).safeParse(await client.send("GET", "/nitrous/shadows", { namespace }));
  return reports.data?.find(({ model }) => model === name);
}

/** The text below the title of the section. */
export function shadowText(found: ShadowReport | undefined, terminal: Terminal): string {
  if (found === undefined) return "";
  const { shadow, percent, tolerance, results, dropped, primaryMs, shadowMs, differing } = found;
  const compared = Object.values(results).reduce((sum, count) => sum + count, 0);
  const mean = (milliseconds: number): string => `${(milliseconds / Math.max(1, compared)).toFixed(1)} ms`;
  const isGood = compared === (results.equal ?? 0) + (results.close ?? 0);
  const fields: Field[] = [
    ["To", `${shadow}, ${percent} % of the requests`],
    ["Compared", `${compared}${compared === 0 ? "" : `: ${inWords(results)}`} (tolerance ${tolerance})`, isGood ? undefined : "yellow"],
    ["Dropped", inWords(dropped) || "none"],
    ["Mean time", compared === 0 ? undefined : `${mean(primaryMs)} here, ${mean(shadowMs)} there`],
  ];
  const rows = differing.slice(-10).map(({ time, request, difference }) => [ageOf(time, terminal.now()), request, difference]);
  const table = rows.length === 0 ? "" : `\n${renderTable(["AGE", "REQUEST", "HERE AGAINST THERE"], rows, terminal, { indent: 2 })}`;
  return `${renderFields(fields, terminal, "  ")}${table}`;
}

function inWords(counted: Readonly<Record<string, number>>): string {
  return Object.entries(counted)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`)
    .join(", ");
}
