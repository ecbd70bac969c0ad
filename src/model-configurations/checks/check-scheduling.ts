import {
  type ModelConfig,
  type ModelDynamicBatching,
  type ModelQueuePolicy,
  ModelQueuePolicy_TimeoutAction,
} from "../../grpc-messages/index.ts";
import { refusal } from "../refusal.ts";
import { checkSequences } from "./check-sequences.ts";

/**
 * Checks dynamic and sequence batching.
 * @param maxBatchSize undefined while the model may still say it
 * @throws ServeError INVALID_ARGUMENT
 */
export function checkScheduling(config: ModelConfig, maxBatchSize: number | undefined): void {
  const { name, schedulingChoice: scheduling, responseCache, modelTransactionPolicy } = config;
  if (scheduling.case === "dynamicBatching") {
    checkPreferredSizes("dynamic batching preferred size", scheduling.value.preferredBatchSize, maxBatchSize, name);
    checkPriorities(scheduling.value, name);
    if (scheduling.value.preserveOrdering) checkOrder(scheduling.value, name);
  }
  if (scheduling.case === "sequenceBatching") {
    if (responseCache?.enable) {
      throw refusal(
        `Response Cache does not currently support model ${name} with sequence batching scheduler. Please disable the response cache.`,
      );
    }
    checkSequences(scheduling.value, name);
    const { strategyChoice: strategy } = scheduling.value;
    if (strategy.case === "oldest") {
      checkPreferredSizes("sequence batching preferred batch size", strategy.value.preferredBatchSize, maxBatchSize, name);
    }
    if (strategy.case === "direct" && !(strategy.value.minimumSlotUtilization >= 0 && strategy.value.minimumSlotUtilization <= 1)) {
      throw refusal(`sequence batching minimum slot utilization must be in range (0.0, 1.0] for ${name}`);
    }
  }
  if (modelTransactionPolicy?.decoupled && responseCache?.enable) {
    throw refusal(
      `Response Cache does not currently support model ${name} with 'decoupled' transaction policy. Please disable the response cache.`,
    );
  }
}

function checkPreferredSizes(what: string, sizes: readonly number[], most: number | undefined, name: string): void {
  for (const size of sizes) {
    if (size <= 0) throw refusal(`${what} must be positive for ${name}`);
    if (most !== undefined && size > most) throw refusal(`${what} must be <= max batch size for ${name}`);
  }
}

function checkPriorities({ priorityLevels, defaultPriorityLevel, priorityQueuePolicy }: ModelDynamicBatching, name: string): void {
  if (priorityLevels === 0n) return;
  const range = `must be in range [1, ${priorityLevels}] for ${name}`;
  if (defaultPriorityLevel < 1n || defaultPriorityLevel > priorityLevels) throw refusal(`default priority level ${range}`);
  for (const level of Object.keys(priorityQueuePolicy).map(BigInt)) {
    if (level < 1n || level > priorityLevels) {
      throw refusal(`priority queue policy must have priority level in range [1, ${priorityLevels}] for ${name}`);
    }
  }
}

/** Neither levels nor late requests may overtake others where answers keep the order. */
function checkOrder({ priorityLevels, defaultQueuePolicy, priorityQueuePolicy }: ModelDynamicBatching, name: string): void {
  if (priorityLevels > 1n) throw refusal(`Only one priority level is allowed when 'preserve_ordering' is true for ${name}`);
  if ([defaultQueuePolicy, ...Object.values(priorityQueuePolicy)].some(delays)) {
    throw refusal(`Queue policy can not have DELAY as timeout action when 'preserve_ordering' is true for ${name}`);
  }
}

function delays(policy: ModelQueuePolicy | undefined): boolean {
  return policy !== undefined && policy.defaultTimeoutMicroseconds !== 0n && policy.timeoutAction === ModelQueuePolicy_TimeoutAction.DELAY;
}
