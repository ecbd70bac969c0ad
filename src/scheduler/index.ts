export type { Batchable, BatchLimits, BatchPolicy, Moment } from "./batching.ts";
export { ExecutionResources } from "./execution-limits.ts";
export { Scheduler, type SchedulerOptions } from "./scheduler.ts";
