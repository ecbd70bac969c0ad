import { parseRateLimit, RATE_LIMIT_RULE } from "../core/rate-limit.ts";
import { priorityOf, type SchedulingSpec } from "../core/scheduling.ts";
import { ANNOTATIONS } from "./annotations.ts";
import type { Finding } from "./field-path.ts";

interface Rule {
  readonly expected: string;
  /** Undefined for a value that is not what is expected. */
  readonly read: (text: string) => SchedulingSpec | undefined;
}

const MOST_ENTRIES = 32;
const TRUTHS: Readonly<Record<string, boolean>> = { true: true, false: false };

const RULES: Readonly<Record<string, Rule>> = {
  [ANNOTATIONS.priority]: { expected: "a whole number from 1 (first) to 5", read: (text) => given("priority", priorityOf(text)) },
  [ANNOTATIONS.idempotent]: { expected: '"true" or "false"', read: (text) => given("idempotent", truthIn(text)) },
  [ANNOTATIONS.retry]: { expected: '"true" or "false"', read: (text) => given("retry", truthIn(text)) },
  [ANNOTATIONS.hedge]: {
    expected: 'a percentile from 50 to below 100, such as "p95", "99.9" or "0.95"',
    read: (text) => given("hedgePercentile", percentileIn(text)),
  },
  [ANNOTATIONS.preferredBatchSizes]: {
    expected: `at most ${MOST_ENTRIES} numbers of rows with commas between them, such as "8,32"`,
    read: (text) => given("preferredBatchRows", sizesIn(text)),
  },
  [ANNOTATIONS.executionResources]: {
    expected: `at most ${MOST_ENTRIES} resources, each once and with a whole number above 0, such as "gpu=1,licence=2"`,
    read: (text) => given("resources", resourcesIn(text)),
  },
  [ANNOTATIONS.rateLimit]: { expected: RATE_LIMIT_RULE, read: (text) => given("rateLimit", parseRateLimit(text)) },
};

/** Annotations that say how requests are scheduled. */
export const SCHEDULING_ANNOTATIONS: readonly string[] = Object.keys(RULES);

/** What the annotations of a valid resource say. */
export function annotatedScheduling(annotations: Readonly<Record<string, string>>): SchedulingSpec {
  const specs = SCHEDULING_ANNOTATIONS.flatMap((name) => {
    const text = annotations[name];
    return text === undefined ? [] : (RULES[name]?.read(text) ?? []);
  });
  return Object.assign({}, ...specs) as SchedulingSpec;
}

export function schedulingFindings(annotations: Readonly<Record<string, string>>): Finding[] {
  const wrong = SCHEDULING_ANNOTATIONS.flatMap((name): Finding[] => {
    const text = annotations[name];
    const rule = RULES[name];
    if (text === undefined || rule === undefined || rule.read(text) !== undefined) return [];
    return [{ path: pathOf(name), message: `expected ${rule.expected}, found ${shown(text)}` }];
  });
  const hedges = annotations[ANNOTATIONS.hedge] !== undefined && annotations[ANNOTATIONS.idempotent] !== "true";
  const message = `has a request carried out twice, which the model must allow; add ${ANNOTATIONS.idempotent}: "true"`;
  return [...wrong, ...(hedges ? [{ path: pathOf(ANNOTATIONS.hedge), message }] : [])];
}

function pathOf(name: string): Finding["path"] {
  return ["metadata", "annotations", name];
}

function given<Name extends keyof SchedulingSpec>(name: Name, value: SchedulingSpec[Name] | undefined): SchedulingSpec | undefined {
  return value === undefined ? undefined : { [name]: value };
}

function truthIn(text: string): boolean | undefined {
  return Object.hasOwn(TRUTHS, text) ? TRUTHS[text] : undefined;
}

/** `p95` and `95` are percents, numbers below 1 are shares. */
function percentileIn(text: string): number | undefined {
  const [, mark, digits] = /^(p?)(\d{1,3}(?:\.\d{1,6})?)$/.exec(text) ?? [];
  const number = Number(digits);
  const share = mark === "" && number < 1 ? number : number / 100;
  return share >= 0.5 && share < 1 ? share : undefined;
}

function sizesIn(text: string): readonly number[] | undefined {
  const sizes = partsOf(text).map((part) => wholeNumberIn(part));
  if (sizes.length > MOST_ENTRIES || sizes.includes(Number.NaN)) return undefined;
  return [...new Set(sizes)].sort((one, other) => one - other);
}

function resourcesIn(text: string): Readonly<Record<string, number>> | undefined {
  const resources = partsOf(text).map((part): [string, number] => {
    const [, name = "", count = ""] = /^([A-Za-z][\w.-]{0,62})\s*=\s*(\d+)$/.exec(part) ?? [];
    return [name, wholeNumberIn(count)];
  });
  const isWrong = resources.some(([, count]) => Number.isNaN(count)) || new Set(resources.map(([name]) => name)).size < resources.length;
  return isWrong || resources.length > MOST_ENTRIES ? undefined : Object.fromEntries(resources);
}

function partsOf(text: string): string[] {
  return text.split(",").map((part) => part.trim());
}

/** NaN for what is none above 0. */
function wholeNumberIn(text: string): number {
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : Number.NaN;
}

const MOST_SHOWN = 60;

function shown(text: string): string {
  return text.length > MOST_SHOWN ? `${JSON.stringify(text.slice(0, MOST_SHOWN)).slice(0, -1)}…"` : JSON.stringify(text);
}
