import {
  SHADOW_DROPS,
  SHADOW_RESULTS,
  type ShadowDifference,
  type ShadowDrop,
  type ShadowReport,
  type ShadowResult,
  type ShadowRule,
} from "../../core/shadow.ts";
import type { Comparison } from "./compare.ts";

/** Differences that are remembered of each service. */
const REMEMBERED = 20;

/** What became of the copies of one service's requests, since its shadow is the one that it is. */
export class Tally {
  readonly results = zeros(SHADOW_RESULTS);
  readonly dropped = zeros(SHADOW_DROPS);
  readonly #differing: ShadowDifference[] = [];
  #primaryMs = 0;
  #shadowMs = 0;

  drop(reason: ShadowDrop): void {
    this.dropped[reason]++;
  }

  /** Returns the number of comparisons that were neither equal nor close when this one was not either; else undefined. */
  note({ result, difference }: Comparison, primaryMs: number, shadowMs: number, request: string | undefined): number | undefined {
    this.results[result]++;
    this.#primaryMs += primaryMs;
    this.#shadowMs += shadowMs;
    if (result === "equal" || result === "close") return undefined;
    const time = new Date().toISOString();
    this.#differing.push({ time, request: request ?? `#${this.compared}`, result, difference });
    if (this.#differing.length > REMEMBERED) this.#differing.shift();
    return this.differing;
  }

  get compared(): number {
    return Object.values(this.results).reduce((sum, count) => sum + count, 0);
  }

  get differing(): number {
    return this.compared - this.results.equal - this.results.close;
  }

  report(namespace: string, model: string, { to, percent, tolerance }: ShadowRule): ShadowReport {
    return {
      ...{ namespace, model, shadow: shadowName(to), percent, tolerance },
      results: { ...this.results },
      dropped: { ...this.dropped },
      primaryMs: this.#primaryMs,
      shadowMs: this.#shadowMs,
      differing: [...this.#differing],
    };
  }
}

/** As the annotation has it. */
export function shadowName(to: ShadowRule["to"]): string {
  return "service" in to ? `service/${to.service}` : `revision/${to.revision}`;
}

function zeros<Name extends ShadowResult | ShadowDrop>(names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
}
