import type { RequestContext } from "../core/context.ts";
import type { ModelSpec } from "../core/model.ts";
import { hasQueueRules } from "../core/scheduling.ts";

/** The time that a request's body asks for is all that it has, from its beginning on, unless the model's owner has rules about waiting. */
export function heedTimeout({ scheduling }: Pick<ModelSpec, "scheduling">, context: RequestContext): void {
  const { timeoutMs, record } = context;
  if (timeoutMs !== undefined && !hasQueueRules(scheduling)) context.dueBy(record.startedAt + timeoutMs);
}
