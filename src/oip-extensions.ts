import { resolve } from "node:path";
import type { Events } from "./core/events.ts";
import { type LogSettings, logSettingsOf } from "./core/log-settings.ts";
import { createTraceSettings } from "./core/trace-settings.ts";
import { createInferenceStatistics } from "./models/index.ts";
import { type Extensions, PROFILES } from "./protocols/oip/rest/index.ts";
import type { Settings } from "./settings.ts";

/** What the Open Inference Protocol's extensions work with, counting from now on. */
export function openExtensions(settings: Settings, events: Events, logs: LogSettings | undefined): Extensions {
  const statistics = createInferenceStatistics();
  events.on("request-finished", (record) => statistics.observe(record));
  events.on("batch-finished", (call) => statistics.observeBatch(call));
  const { "log-directory": logDirectory, "trace-file": traceFile } = settings;
  return {
    profile: PROFILES[settings.profile],
    statistics,
    logs: logs ?? logSettingsOf(settings["log-level"]),
    logDirectory: logDirectory === undefined ? undefined : resolve(logDirectory),
    traces: createTraceSettings(traceFile ?? "", { level: settings["trace-level"], rate: settings["trace-rate"] }),
    restrictions: settings["restricted-api"],
    forwardedHeaders: settings["header-forward-pattern"],
    maxBatchRows: settings["max-batch-rows"],
  };
}
