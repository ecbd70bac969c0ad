export { createLogger, type Level, logEvents } from "./logs.ts";
export { createMetrics, type Metrics, type MetricsOptions } from "./metrics.ts";
