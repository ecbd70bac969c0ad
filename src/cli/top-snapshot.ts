import { z } from "zod";
import { CliError } from "./errors.ts";

const amount = z.number().catch(0);
const figure = z.number().optional().catch(undefined);
const text = z.string().catch("");

const model = z.looseObject({
  namespace: text,
  model: z.string(),
  revision: z.string().optional().catch(undefined),
  traffic: z.number().catch(100),
  version: text,
  state: text,
  reason: text,
  replicas: z.object({ ready: amount, wanted: amount }).catch({ ready: 0, wanted: 0 }),
  queued: amount,
  memoryBytes: amount,
  requestsPerSecond: amount,
  failuresPerSecond: amount,
  meanBatchSize: figure,
  p50Ms: figure,
  p99Ms: figure,
});

const snapshot = z.looseObject({
  time: text,
  version: text,
  uptimeSeconds: amount,
  server: z.object({ cores: amount, eventLoopLagMs: amount, memoryBytes: amount }),
  requests: z.object({ inFlight: amount, perSecond: amount, failuresPerSecond: amount }),
  accounts: z.array(z.object({ name: z.string(), reserved: amount, budget: amount })),
  models: z.array(model),
});

/** What `GET /nitrous/top` answers with (src/core/top.ts). */
export type Snapshot = z.infer<typeof snapshot>;
export type ModelRow = z.infer<typeof model>;

/** @throws CliError for what is no snapshot */
export function toSnapshot(value: unknown): Snapshot {
  const parsed = snapshot.safeParse(value);
  if (!parsed.success) throw new CliError("the server's answer is not what 'nitrous top' shows; is it another version of nitrous?");
  return parsed.data;
}
