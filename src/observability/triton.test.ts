import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createRecord, type RequestRecord } from "../core/context.ts";
import { createEvents } from "../core/events.ts";
import { isLogged, type LogSettings, logSettingsOf } from "../core/log-settings.ts";
import { createTraceSettings } from "../core/trace-settings.ts";
import { createInferenceStatistics } from "../models/index.ts";
import { renderFamily } from "./families.ts";
import { kserveFamilies } from "./kserve-families.ts";
import { createLogFile } from "./log-file.ts";
import { tritonFamilies } from "./triton-families.ts";
import { openTritonTraces } from "./triton-traces.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "nitrous-triton-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const record = (others: Partial<RequestRecord> = {}): RequestRecord => ({
  ...createRecord("oip", "simple", 10),
  namespace: "default",
  version: "1",
  queuedAt: 11,
  queueMs: 2,
  computeMs: 3,
  finishedAt: 20,
  ...others,
});

describe("traces as Triton's", () => {
  it("are one JSON array, of every so-manieth request until there have been enough", async () => {
    const settings = createTraceSettings(join(folder, "traces"));
    const events = createEvents();
    const traces = openTritonTraces({ settings, events, onNotice: (text) => expect.fail(text) });
    const ask = (others?: Partial<RequestRecord>): void => events.emit("request-finished", record(others));
    ask();
    Object.assign(settings.global, { level: "TIMESTAMPS", rate: 2, count: 2 });
    settings.models.set("default/quiet", { level: "OFF" });
    for (let request = 0; request < 9; request++) {
      ask();
      ask({ model: "quiet" });
    }
    ask({ version: "" });
    await traces.close();
    expect(settings.global.count).toBe(0);
    const written = JSON.parse(readFileSync(settings.file, "utf8")) as object[];
    expect(written).toHaveLength(4);
    expect(written.slice(0, 2)).toEqual([
      { id: 1, model_name: "simple", model_version: 1 },
      {
        id: 1,
        timestamps: [
          { name: "REQUEST_START", ns: 10_000_000 },
          { name: "QUEUE_START", ns: 11_000_000 },
          { name: "COMPUTE_START", ns: 13_000_000 },
          { name: "COMPUTE_END", ns: 16_000_000 },
          { name: "REQUEST_END", ns: 20_000_000 },
        ],
      },
    ]);
  });

  it("go into numbered files of so many each, and into none before they are asked for", async () => {
    const settings = createTraceSettings(join(folder, "traces"));
    const events = createEvents();
    const traces = openTritonTraces({ settings, events, onNotice: (text) => expect.fail(text) });
    events.emit("request-finished", record());
    expect(readdirSync(folder)).toEqual([]);
    Object.assign(settings.global, { level: "TIMESTAMPS", rate: 1, logFrequency: 2 });
    for (let request = 0; request < 3; request++) events.emit("request-finished", record());
    await traces.close();
    expect(readdirSync(folder).sort()).toEqual(["traces.0", "traces.1"]);
    expect(JSON.parse(readFileSync(join(folder, "traces.0"), "utf8"))).toHaveLength(4);
    expect(JSON.parse(readFileSync(join(folder, "traces.1"), "utf8"))).toHaveLength(2);
  });
});

describe("log settings", () => {
  it("begin as the level says, and each kind of line is one of its own", () => {
    const logged = (settings: LogSettings): string =>
      (["debug", "info", "warn", "error"] as const).filter((level) => isLogged(level, settings)).join(" ");
    const levels = (["debug", "info", "warn", "error", "silent"] as const).map((level) => logged(logSettingsOf(level)));
    expect(levels).toEqual(["debug info warn error", "info warn error", "warn error", "error", ""]);
    expect(logged({ ...logSettingsOf("info"), warning: false, verboseLevel: 1 })).toBe("debug info error");
  });
});

describe("a log file", () => {
  it("gets lines while the settings name it, and is no link", () => {
    const settings = logSettingsOf("info");
    const problems: string[] = [];
    const write = createLogFile(settings, (problem) => problems.push(problem));
    write("nobody reads this\n");
    settings.file = join(folder, "a.log");
    write("one\n");
    settings.file = join(folder, "b.log");
    write("two\n");
    settings.file = "";
    write("three\n");
    expect([readFileSync(join(folder, "a.log"), "utf8"), readFileSync(join(folder, "b.log"), "utf8")]).toEqual(["one\n", "two\n"]);
    settings.file = join(folder, "missing", "c.log");
    write("four\n");
    write("five\n");
    expect(problems).toEqual([expect.stringContaining("the log file cannot be written: ENOENT")]);
  });

  it("is no pipe, whose missing reader would be waited for", () => {
    const settings = logSettingsOf("info");
    const problems: string[] = [];
    settings.file = join(folder, "pipe");
    execFileSync("mkfifo", [settings.file]);
    createLogFile(settings, (problem) => problems.push(problem))("one\n");
    expect(problems).toEqual([expect.stringContaining("the log file cannot be written")]);
  });
});

describe("metrics under the names of others", () => {
  it("are Triton's counters in microseconds", () => {
    const statistics = createInferenceStatistics(0);
    const events = createEvents();
    const families = tritonFamilies(statistics, { list: () => [] }, events);
    statistics.observe(record({ cache: "miss" }));
    statistics.observe(record({ outcome: "RESOURCE_EXHAUSTED", refusal: "queue_full" }));
    events.emit("model-loaded", {
      namespace: "default",
      model: "simple",
      version: "1",
      loadMs: 1500,
      cause: "start",
      bytes: 1,
      reservedBytes: 1,
    });
    const text = families.map(renderFamily).join("\n");
    const labels = '{namespace="default",model="simple",version="1"';
    for (const line of [
      `nv_inference_request_success${labels}} 1`,
      `nv_inference_request_failure${labels},reason="REJECTED"} 1`,
      `nv_inference_request_duration_us${labels}} 10000`,
      `nv_inference_queue_duration_us${labels}} 2000`,
      `nv_inference_compute_infer_duration_us${labels}} 3000`,
      `nv_cache_num_misses_per_model${labels}} 1`,
      `nv_model_load_duration_secs${labels}} 1.5`,
    ])
      expect(text.split("\n")).toContain(line);
  });

  it("are KServe's four histograms, where explaining is not predicting", () => {
    const events = createEvents();
    const families = kserveFamilies(events);
    events.emit("request-finished", record());
    events.emit("request-finished", record({ method: "explain", computeMs: 30 }));
    events.emit("request-finished", record({ outcome: "INTERNAL" }));
    const text = families.map(renderFamily).join("\n");
    expect(text).toContain('request_predict_seconds_sum{model_name="simple"} 0.005');
    expect(text).toContain('request_explain_seconds_sum{model_name="simple"} 0.032');
    expect(text).toContain('request_preprocess_seconds_count{model_name="simple"} 2');
    expect(text).toContain('request_postprocess_seconds_bucket{model_name="simple",le="0.005"} 2');
  });
});
