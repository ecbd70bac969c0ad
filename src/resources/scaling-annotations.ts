import type { Finding } from "./field-path.ts";

const PREFIX = "autoscaling.knative.dev/";

/** What Knative's annotations say of how a service is scaled; what is absent is not said. */
export interface AnnotatedScaling {
  readonly metric?: "concurrency" | "rps" | "cpu" | "memory";
  readonly target?: number;
  /** Above 0 and at most 1. */
  readonly utilization?: number;
  readonly windowMs?: number;
  /** Of the window. */
  readonly panicWindow?: number;
  readonly panicThreshold?: number;
  readonly least?: number;
  readonly most?: number;
  readonly scaleDownDelayMs?: number;
}

interface Rule {
  readonly names: readonly string[];
  readonly expected: string;
  /** Undefined for a value that is not what is expected. */
  readonly read: (text: string) => AnnotatedScaling | undefined;
}

const METRICS = ["concurrency", "rps", "cpu", "memory"] as const;
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Knative's annotations with their bounds, and the names that they had before. */
const RULES: readonly Rule[] = [
  {
    names: ["metric"],
    expected: METRICS.join(", "),
    read: (text) =>
      given(
        "metric",
        METRICS.find((metric) => metric === text),
      ),
  },
  { names: ["target"], expected: "a number of at least 0.01", read: (text) => given("target", numberIn(text, 0.01, 1e9)) },
  {
    names: ["target-utilization-percentage", "targetUtilizationPercentage"],
    expected: "a number from 1 to 100",
    read: (text) => given("utilization", share(numberIn(text, 1, 100))),
  },
  { names: ["window"], expected: 'a time from "6s" to "1h"', read: (text) => given("windowMs", durationIn(text, 6_000)) },
  {
    names: ["panic-window-percentage", "panicWindowPercentage"],
    expected: "a number from 1 to 100",
    read: (text) => given("panicWindow", share(numberIn(text, 1, 100))),
  },
  {
    names: ["panic-threshold-percentage", "panicThresholdPercentage"],
    expected: "a number from 110 to 1000",
    read: (text) => given("panicThreshold", share(numberIn(text, 110, 1000))),
  },
  { names: ["min-scale", "minScale"], expected: "a whole number from 0", read: (text) => given("least", wholeNumberIn(text)) },
  { names: ["max-scale", "maxScale"], expected: "a whole number from 0", read: (text) => given("most", wholeNumberIn(text)) },
  { names: ["scale-down-delay"], expected: 'a time from "0s" to "1h"', read: (text) => given("scaleDownDelayMs", durationIn(text, 0)) },
];

/** What the annotations of a valid resource say. */
export function annotatedScaling(annotations: Readonly<Record<string, string>>): AnnotatedScaling {
  const parts = RULES.flatMap(({ names, read }) => names.flatMap((name) => read(annotations[PREFIX + name] ?? "") ?? []).slice(0, 1));
  return Object.assign({}, ...parts) as AnnotatedScaling;
}

export function scalingFindings(annotations: Readonly<Record<string, string>>): Finding[] {
  return RULES.flatMap(({ names, expected, read }) =>
    names.flatMap((name): Finding[] => {
      const text = annotations[PREFIX + name];
      if (text === undefined || read(text) !== undefined) return [];
      return [{ path: ["metadata", "annotations", PREFIX + name], message: `expected ${expected}, found ${JSON.stringify(text)}` }];
    }),
  );
}

function given<Name extends keyof AnnotatedScaling>(name: Name, value: AnnotatedScaling[Name] | undefined): AnnotatedScaling | undefined {
  return value === undefined ? undefined : { [name]: value };
}

function numberIn(text: string, least: number, most: number): number | undefined {
  const number = /^\d{1,9}(\.\d{1,6})?$/.test(text) ? Number(text) : Number.NaN;
  return number >= least && number <= most ? number : undefined;
}

function wholeNumberIn(text: string): number | undefined {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function share(percent: number | undefined): number | undefined {
  return percent === undefined ? undefined : percent / 100;
}

/** Milliseconds of one of Go's durations, such as "90s" or "1m30s". */
function durationIn(text: string, least: number): number | undefined {
  if (!/^(\d{1,9}(\.\d{1,6})?(ms|s|m|h))+$/.test(text)) return undefined;
  let milliseconds = 0;
  for (const [, number, unit = ""] of text.matchAll(/([\d.]+)(ms|s|m|h)/g)) milliseconds += Number(number) * (UNITS[unit] ?? 0);
  return milliseconds >= least && milliseconds <= 3_600_000 ? milliseconds : undefined;
}
