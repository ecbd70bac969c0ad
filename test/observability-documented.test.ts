import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { BATCH_CUTS, type BatchRecord } from "../src/core/batch.ts";
import { createRecord, type RequestRecord } from "../src/core/context.ts";
import { REFUSALS } from "../src/core/errors.ts";
import { createEvents, EVICTION_CAUSES, LOAD_CAUSES } from "../src/core/events.ts";
import type { ModelStatus } from "../src/core/model.ts";
import type { ControlPlane } from "../src/core/planes.ts";
import type { ScrapedMetrics } from "../src/core/scraped-metrics.ts";
import type { ShadowReport } from "../src/core/shadow.ts";
import { createInferenceStatistics, createStatistics } from "../src/models/index.ts";
import {
  createMetrics,
  kserveFamilies,
  openObservers,
  residencyFamilies,
  responseCacheFamilies,
  revisionFamilies,
  shadowFamilies,
  tritonFamilies,
} from "../src/observability/index.ts";
import { SETTINGS } from "../src/settings.ts";
import { FakeClock } from "./fake-clock.ts";

const page = readFileSync(fileURLToPath(new URL("../docs/observability.md", import.meta.url)), "utf8");
const folder = mkdtempSync(join(tmpdir(), "nitrous-metrics-"));

afterAll(() => rmSync(folder, { recursive: true }));

/** First cells, in backquotes, of the table below a heading. */
function namesBelow(heading: string): string[] {
  const [, rest = ""] = page.split(`${heading}\n`);
  return [...(rest.split("\n#")[0] ?? "").matchAll(/^\| `([\w.]+)` +\|/gm)].map(([, name = ""]) => name);
}

/** A page on which every family has a sample. */
async function metricsPage(): Promise<string> {
  const statistics = createStatistics();
  const observe = (record: Partial<RequestRecord>): void =>
    statistics.observe({ ...createRecord("oip", "iris", 0), version: "1", batchSize: 1, ...record });
  observe({ retries: 1, hedge: "won" });
  observe({ outcome: "RESOURCE_EXHAUSTED", refusal: "queue_full" });
  observe({ outcome: "CANCELLED" });
  observe({ outcome: "DEADLINE_EXCEEDED" });
  const batch: BatchRecord = { size: 1, rows: 1, startedAt: 0, cut: "alone", inline: false, computeMs: 1 };
  statistics.observeBatch({ namespace: "default", model: "iris", version: "1", batch });
  statistics.observeRefusal({ status: 404, refusal: undefined });
  const model = {
    namespace: "default",
    name: "iris",
    version: "1",
    state: "ready",
    hostPid: 7,
    hostExits: 1,
    quarantined: 1,
    queued: 2,
    traffic: 100,
  };
  const clock = new FakeClock();
  await clock.advance(1500);
  const replicas = { ready: 1, starting: 0, leaving: 0, wanted: 1 };
  const status = { ...model, hostPids: [7], hostBytes: [1], replicas, queuedSince: 500 } as unknown as ModelStatus;
  const observers = await openObservers({
    recording: { file: join(folder, "recording"), bodies: true, maxBytes: 1e6, requestTimeoutMs: 1000 },
    traces: "http://127.0.0.1:9",
    environment: {},
    clock,
    version: "1",
    onNotice: () => undefined,
  });
  const controlPlane = { list: () => [status, { ...status, revision: "iris-00002", traffic: 10 }] } as unknown as ControlPlane;
  const events = createEvents();
  const residency = residencyFamilies(events, { budgets: { memory: 2 }, reserved: () => 1 });
  const revisions = revisionFamilies(events);
  events.emit("request-finished", { ...createRecord("oip", "iris", 0), revision: "iris-00002" });
  const iris = { namespace: "default", model: "iris", version: "1" };
  events.emit("model-scaled", { ...iris, from: 1, to: 2, cause: "panic", reason: "a test" });
  events.emit("model-outgrown", { ...iris, action: "restart", reason: "a test" });
  events.emit("model-evicted", { ...iris, cause: "room", reason: "a test" });
  const shadow: ShadowReport = {
    ...{ namespace: "default", model: "iris", shadow: "service/next", percent: 1, tolerance: 0, primaryMs: 1, shadowMs: 1, differing: [] },
    results: { equal: 1, close: 0, values: 0, shape: 0, outputs: 0, error: 0 },
    dropped: { busy: 1, size: 0, not_ready: 0, stream: 0 },
  };
  const inferences = createInferenceStatistics();
  const others = [
    ...observers.families,
    ...residency,
    ...revisions,
    ...shadowFamilies(() => [shadow]),
    ...responseCacheFamilies({ bytes: 1, maxBytes: 2, entries: 1, evictions: 0 }, inferences),
    ...tritonFamilies(inferences, controlPlane, events),
    ...kserveFamilies(events),
  ];
  events.emit("model-loaded", { ...iris, loadMs: 1500, cause: "start", bytes: 1, reservedBytes: 1 });
  const answered = { ...createRecord("oip", "iris", 0), namespace: "default", version: "1", cache: "miss" } as const;
  inferences.observe(answered);
  inferences.observe({ ...answered, outcome: "INTERNAL" });
  events.emit("request-finished", answered);
  events.emit("request-finished", { ...answered, method: "explain" });
  const labels = { namespace: "default", model: "iris", runtime: "mine", replica: "0" };
  const upstreams = async (): Promise<ScrapedMetrics[]> => [{ labels, text: undefined, seconds: 2 }];
  const { body } = await createMetrics({ statistics, controlPlane, clock, version: "1", others, upstreams }).render();
  await observers.close();
  return body;
}

describe("docs/observability.md", () => {
  it("has every family of the metrics with its type and labels, and no other", async () => {
    const text = await metricsPage();
    const families = [...text.matchAll(/^# TYPE ((?:nitrous|nv|request)_\w+) (\w+)$/gm)].map(([, name = "", type = ""]) => {
      const suffix = type === "histogram" ? "_sum" : "";
      const sample = new RegExp(`^${name}${suffix}(?:\\{(.*)\\})? \\S+$`, "m").exec(text);
      const labels = [...(sample?.[1] ?? "").matchAll(/(\w+)="/g)].map(([, label]) => label).join(", ");
      return [name, type, sample === null ? "no sample" : labels];
    });
    const rows = [...page.matchAll(/^\| `((?:nitrous|nv|request)_\w+)` +\| (\w+) +\| (.*?) +\|/gm)].map(([, ...cells]) =>
      cells.map((cell) => cell.trim()),
    );
    expect(rows).toEqual(expect.arrayContaining(families));
    expect(families).toEqual(expect.arrayContaining(rows));
    expect(text).toContain('nitrous_queue_oldest_wait_seconds{namespace="default",model="iris",version="1"} 1\n');
  });

  it("explains every reason and every cut", () => {
    expect(namesBelow("### Why requests are refused")).toEqual([...REFUSALS]);
    expect(namesBelow("### Why batches end")).toEqual([...BATCH_CUTS]);
    expect(namesBelow("### Why models come and go")).toEqual([...LOAD_CAUSES, ...EVICTION_CAUSES]);
  });

  it("names only settings that there are", () => {
    const named = [...page.matchAll(/`--([a-z-]+)/g)].map(([, name = ""]) => name);
    expect(named.filter((name) => !(name in SETTINGS))).toEqual([]);
    expect(named.length).toBeGreaterThan(4);
  });
});
