/** What one model takes of devices: so many bytes on each of so many, of all devices or of these only. */
export interface DeviceNeed {
  readonly count: number;
  readonly bytes: number;
  readonly only?: readonly number[];
}

/**
 * Which devices the needs get, in their order; undefined when not all of them fit. Best fit decreasing: the largest first, each
 * where the least is left beside it, so that what is free stays in large pieces.
 * @param free bytes by the number of the device
 */
export function place(needs: readonly DeviceNeed[], free: ReadonlyMap<number, number>): ReadonlyArray<readonly number[]> | undefined {
  const left = new Map(free);
  const placed = new Map<DeviceNeed, readonly number[]>();
  const decreasing = [...needs].sort((one, other) => other.bytes - one.bytes || other.count - one.count);
  for (const need of decreasing) {
    const tightest = allowed(need, left)
      .filter(([, bytes]) => bytes >= need.bytes)
      .sort(([, one], [, other]) => one - other);
    if (tightest.length < need.count) return undefined;
    const chosen = tightest.slice(0, need.count);
    for (const [device, bytes] of chosen) left.set(device, bytes - need.bytes);
    placed.set(
      need,
      chosen.map(([device]) => device).sort((one, other) => one - other),
    );
  }
  return needs.map((need) => placed.get(need) ?? []);
}

/**
 * The sets of devices that a need could get: first the one that it gets without anybody going, if there is one; then where others
 * would have to go for it, those with most room first. Empty when no set could ever hold it.
 * @param budgets bytes by the number of the device
 */
export function choices(
  need: DeviceNeed,
  free: ReadonlyMap<number, number>,
  budgets: ReadonlyMap<number, number>,
): ReadonlyArray<readonly number[]> {
  const fitting = place([need], free)?.[0];
  const roomiest = allowed(need, free)
    .filter(([device]) => (budgets.get(device) ?? 0) >= need.bytes)
    .sort(([, one], [, other]) => other - one)
    .map(([device]) => device);
  // Neighbours in this order: of several devices all are to have room, and all combinations would be too many.
  const sets = roomiest
    .slice(0, Math.max(0, roomiest.length - need.count + 1))
    .map((_, index) => roomiest.slice(index, index + need.count));
  const sorted = sets.map((set) => [...set].sort((one, other) => one - other));
  if (fitting === undefined) return sorted;
  return [fitting, ...sorted.filter((set) => set.join() !== fitting.join())];
}

function allowed({ only }: DeviceNeed, free: ReadonlyMap<number, number>): Array<[number, number]> {
  return [...free].filter(([device]) => only === undefined || only.includes(device));
}
