import { logSettingsOf } from "../src/core/log-settings.ts";
import { createTraceSettings } from "../src/core/trace-settings.ts";
import { createInferenceStatistics } from "../src/models/index.ts";
import type { Extensions } from "../src/protocols/oip/extensions/extensions.ts";
import { PROFILES, type Profile } from "../src/protocols/oip/profile.ts";

/** What the Open Inference Protocol's routes need besides models. */
export function testExtensions(profile: Profile = "kserve", others: Partial<Extensions> = {}): Extensions {
  return {
    profile: PROFILES[profile],
    statistics: createInferenceStatistics(0),
    logs: logSettingsOf("info"),
    logDirectory: undefined,
    traces: createTraceSettings(""),
    restrictions: new Map(),
    forwardedHeaders: undefined,
    maxBatchRows: 256,
    ...others,
  };
}
