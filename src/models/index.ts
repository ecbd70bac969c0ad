export { bind } from "./bind.ts";
export { BlockedHosts } from "./blocked-hosts.ts";
export { createEventLoopLoad } from "./event-loop-load.ts";
export { createInferenceStatistics } from "./inference-statistics.ts";
export { InlinePromotion, type InlinePromotionOptions } from "./inline-promotion.ts";
export type { LoaderSteps, PreparedHost } from "./loader-steps.ts";
export { Manager } from "./manager.ts";
export { ModelVersion } from "./model-version.ts";
export { type EntryDetails, Registry } from "./registry.ts";
export {
  type Amounts,
  deviceAccount,
  type EvictionPolicyName,
  Ledger,
  MEMORY,
  Measurements,
  MODELS,
  memoryOfNamespace,
  withIdleTime,
} from "./residency/index.ts";
export { createSemaphore, type Semaphore } from "./semaphore.ts";
export { createStatistics } from "./statistics.ts";
export type { ServedRevision } from "./traffic.ts";
