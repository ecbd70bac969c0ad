import { z } from "zod";
import type { JsonObject } from "../core/inference.ts";
import { ageOf } from "./age.ts";
import type { ApiObject } from "./api-objects.ts";
import type { Client } from "./client.ts";
import { CliError } from "./errors.ts";
import { statusOf } from "./service-status.ts";
import { predictorFields } from "./spec-fields.ts";
import type { Cell } from "./table.ts";

const record = z.object({
  generation: z.number(),
  spec: z.record(z.string(), z.unknown()).transform((spec) => spec as JsonObject),
  annotations: z.record(z.string(), z.string()).catch({}),
  outcome: z.string(),
  time: z.string(),
  message: z.string().optional(),
});

/** One revision as the server remembers it. */
export type Revision = z.infer<typeof record>;

const history = z.object({ revisions: z.array(record) });

/** Ascending by generation. @throws CliError */
export async function readHistory(client: Client, namespace: string, name: string): Promise<readonly Revision[]> {
  const path = `/nitrous/namespaces/${encodeURIComponent(namespace)}/inferenceservices/${encodeURIComponent(name)}/revisions`;
  const parsed = history.safeParse(await client.send("GET", path));
  if (!parsed.success) throw new CliError("the server's answer is not a history; is it another version of nitrous?");
  return parsed.data.revisions;
}

/** The revision of a number, or of the name that ends in it. @throws CliError with those that there are */
export function revisionNumbered(revisions: readonly Revision[], wanted: string): Revision {
  const number = Number(/(?:^|-)0*(\d+)$/.exec(wanted)?.[1] ?? Number.NaN);
  const found = revisions.find(({ generation }) => generation === number);
  if (found !== undefined) return found;
  const numbers = revisions.map(({ generation }) => generation).join(", ");
  throw new CliError(
    `there is no revision ${wanted}; there ${numbers.includes(",") ? "are" : "is"} ${numbers === "" ? "none yet" : numbers}`,
  );
}

export const HISTORY_TITLES = ["REVISION", "OUTCOME", "TRAFFIC", "AGE", "SOURCE", "REASON"];

/** The newest last, as kubectl has them. */
export function historyRows(revisions: readonly Revision[], object: ApiObject, now: number): Cell[][] {
  const { traffic } = statusOf(object).components.predictor;
  return revisions.map(({ generation, outcome, time, spec, message = "" }) => {
    const served = traffic.find(({ revisionName }) => Number(/-(\d+)$/.exec(revisionName)?.[1]) === generation);
    const style = outcome === "failed" ? "red" : served === undefined ? undefined : "green";
    const percent = served === undefined ? "" : `${served.percent ?? 0} %`;
    return [String(generation), { text: outcome, style }, percent, ageOf(time, now), predictorFields(spec).storageUri ?? "", message];
  });
}
