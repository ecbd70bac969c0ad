import type { ModelSpec } from "../../core/model.ts";

/** What Knative waits before it scales to zero (its stable window). Milliseconds. */
const ON_DEMAND_MS = 60_000;

/** A spec with the time after which it is unloaded: its own, else the server's, else that of models that are loaded on demand. */
export function withIdleTime(spec: ModelSpec, serverMs: number | undefined): ModelSpec {
  const { kind = "preferred", idleMs = serverMs } = spec.residency ?? {};
  if (kind === "pinned") return spec;
  const time = idleMs ?? (kind === "on-demand" ? ON_DEMAND_MS : undefined);
  return time === undefined ? spec : { ...spec, residency: { kind, idleMs: time } };
}
