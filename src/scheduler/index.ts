export type { Batchable, BatchLimits, BatchPolicy, Moment } from "./batching.ts";
export { ExecutionResources } from "./execution-limits.ts";
export { Scheduler } from "./scheduler.ts";
export type { SchedulerOptions } from "./scheduler-options.ts";
