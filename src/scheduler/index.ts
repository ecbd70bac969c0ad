export type { Batchable, BatchLimits, BatchPolicy, Moment } from "./batching.ts";
export { Scheduler, type SchedulerOptions } from "./scheduler.ts";
