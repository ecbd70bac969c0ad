export { createLogger, type Level, logEvents } from "./logs.ts";
export { createMetrics, type Metrics, type MetricsOptions } from "./metrics.ts";
export { openObservers } from "./observers.ts";
export { residencyFamilies } from "./residency-families.ts";
export { revisionFamilies } from "./revision-families.ts";
export { watchServerLoad } from "./server-load.ts";
export { shadowFamilies } from "./shadow-families.ts";
export { parseTraceParent } from "./trace-context.ts";
