/** How many replicas there were at one moment. */
export interface Sample {
  /** Since the beginning. */
  readonly seconds: number;
  readonly ready: number;
  readonly wanted: number;
}

const COLUMNS = 72;
const LONGEST_LABEL = 4;

/** Replicas over time for a terminal: one line for each replica, the first one lowest, and the seconds below. */
export function plotReplicas(samples: readonly Sample[], most: number): string {
  const end = samples.at(-1)?.seconds ?? 0;
  const columns = Array.from({ length: COLUMNS }, (_, column) => {
    const from = (column * end) / COLUMNS;
    const until = ((column + 1) * end) / COLUMNS;
    const within = samples.filter(({ seconds }) => seconds >= from && seconds < until);
    // Where nothing was sampled it is as it was before.
    return within.at(-1) ?? samples.findLast(({ seconds }) => seconds < until);
  });
  const lines = Array.from({ length: most }, (_, index) => {
    const level = most - index;
    const cells = columns.map((sample) => {
      const { ready = 0, wanted = 0 } = sample ?? {};
      return ready >= level ? "█" : wanted >= level ? "░" : " ";
    });
    return `${String(level).padStart(LONGEST_LABEL)} ${cells.join("").trimEnd()}`;
  });
  const ticks = Array.from({ length: 6 }, (_, index) => `${Math.round((index * end) / 6)} s`.padEnd(COLUMNS / 6)).join("");
  return [...lines, `${" ".repeat(LONGEST_LABEL)} ${ticks.trimEnd()}`].join("\n");
}
