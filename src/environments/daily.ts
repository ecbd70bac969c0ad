import type { Clock } from "../core/clock.ts";
import type { Environments } from "./environment.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Removes unused environments when the server has run for an hour, and then every day. @returns a function that ends it */
export function removeUnusedDaily(environments: Pick<Environments, "collect">, days: number, clock: Clock): () => void {
  let cancel = clock.after(HOUR_MS, collect);
  function collect(): void {
    cancel = clock.after(DAY_MS, collect);
    void environments.collect(days);
  }
  return () => cancel();
}
