export { bind } from "./bind.ts";
export type { LoaderSteps } from "./loader-steps.ts";
export { Manager } from "./manager.ts";
export { createMemoryLedger, type MemoryLedger } from "./memory.ts";
export { ModelVersion } from "./model-version.ts";
export { Registry } from "./registry.ts";
export { createSemaphore, type Semaphore } from "./semaphore.ts";
export { createStatistics } from "./statistics.ts";
