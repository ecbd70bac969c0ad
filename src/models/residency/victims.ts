import type { Amounts } from "./ledger.ts";
import type { EvictionPolicy, Resident } from "./policies.ts";

/** A loaded model that may go, with what it holds. */
export interface Evictable extends Resident {
  readonly holds: Amounts;
  /** A replica that its model can do without: such go before all models. */
  readonly spare?: boolean;
}

/**
 * What must go so that each account has so much more: spare replicas before models, then by priority, then by what the policy says of them, then the one that
 * was not used for longest. None goes that is not needed. Undefined when all of them together are not enough.
 */
export function chooseVictims<Model extends Evictable>(
  lacking: Amounts,
  models: readonly Model[],
  policy: EvictionPolicy,
): readonly Model[] | undefined {
  const missing = new Map(Object.entries(lacking).filter(([, amount]) => amount > 0));
  const victims: Model[] = [];
  for (const model of inOrder(models, policy)) {
    if (missing.size === 0) break;
    if (![...missing.keys()].some((account) => (model.holds[account] ?? 0) > 0)) continue;
    victims.push(model);
    for (const [account, amount] of missing) {
      const left = amount - (model.holds[account] ?? 0);
      if (left > 0) missing.set(account, left);
      else missing.delete(account);
    }
  }
  return missing.size > 0 ? undefined : withoutSpare(victims, lacking);
}

/** One of several ways to make room. */
export interface Way<Model> {
  readonly lacking: Amounts;
  readonly victims: readonly Model[];
}

/**
 * Of several ways to make room the one whose most valuable victim is worth least, then the one with the fewest. Undefined when none
 * can be gone.
 */
export function chooseWay<Model extends Evictable>(
  ways: readonly Amounts[],
  models: readonly Model[],
  policy: EvictionPolicy,
): Way<Model> | undefined {
  const worth = new Map(inOrder(models, policy).map((model, index) => [model, index]));
  const open = ways.flatMap((lacking) => {
    const victims = chooseVictims(lacking, models, policy);
    return victims === undefined ? [] : [{ lacking, victims, dearest: Math.max(-1, ...victims.map((victim) => worth.get(victim) ?? -1)) }];
  });
  return open.sort((one, other) => one.dearest - other.dearest || one.victims.length - other.victims.length)[0];
}

function inOrder<Model extends Evictable>(models: readonly Model[], policy: EvictionPolicy): Model[] {
  const valued = models.map((model) => ({ model, value: policy(model) }));
  valued.sort(
    (left, right) =>
      Number(right.model.spare === true) - Number(left.model.spare === true) ||
      right.model.priority - left.model.priority ||
      left.value - right.value ||
      left.model.usedAt - right.model.usedAt,
  );
  return valued.map(({ model }) => model);
}

/** A large victim that was found late may make small ones before it needless; the most valuable of them stay. */
function withoutSpare<Model extends Evictable>(victims: readonly Model[], lacking: Amounts): readonly Model[] {
  const kept = new Set(victims);
  for (const victim of [...victims].reverse()) {
    kept.delete(victim);
    const isEnough = Object.entries(lacking).every(
      ([account, amount]) => [...kept].reduce((sum, { holds }) => sum + (holds[account] ?? 0), 0) >= amount,
    );
    if (!isEnough) kept.add(victim);
  }
  return victims.filter((victim) => kept.has(victim));
}
