/** One sample as it was written: everything but its own time. */
interface Sample {
  readonly name: string;
  /** Names, and values with their escapes. */
  readonly labels: ReadonlyArray<readonly [name: string, escaped: string]>;
  readonly value: string;
}

/** Samples of one name, with those that a histogram or summary has beside it. */
export interface ParsedFamily {
  readonly name: string;
  readonly type: string;
  /** With its escapes. */
  readonly help: string | undefined;
  readonly samples: readonly Sample[];
}

export interface Exposition {
  readonly families: readonly ParsedFamily[];
  /** Lines that mean nothing. */
  readonly broken: number;
}

interface Draft {
  readonly name: string;
  type: string;
  help: string | undefined;
  readonly samples: Sample[];
}

const META = /^#[ \t]+(HELP|TYPE)[ \t]+([a-zA-Z_:][a-zA-Z0-9_:]*)(?:[ \t]+(.*))?$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)[ \t]*(\{.*\})?[ \t]+(\S+)(?:[ \t]+-?\d+(?:\.\d+)?)?[ \t]*$/;
const LABEL = /[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*(,|$)/y;
const VALUE = /^(?:[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[+-]?Inf|NaN)$/i;
const TYPES = ["counter", "gauge", "histogram", "summary", "untyped"];
/** Of a histogram's or summary's samples, whose family has the name before them. */
const SUFFIXES: Readonly<Record<string, readonly string[]>> = { histogram: ["_bucket", "_sum", "_count"], summary: ["_sum", "_count"] };

/** Reads Prometheus' text format, version 0.0.4: what is none of it is counted and left out. Times of samples are left out too. */
export function parseExposition(text: string): Exposition {
  const families = new Map<string, Draft>();
  let broken = 0;
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === "") continue;
    const [, kind, name, rest = ""] = META.exec(line) ?? [];
    if (name !== undefined) {
      const draft = draftOf(families, name);
      if (kind === "HELP") draft.help ??= rest;
      else if (TYPES.includes(rest.trim()) && draft.samples.length === 0) draft.type = rest.trim();
      continue;
    }
    if (line.startsWith("#")) continue;
    const sample = sampleOf(line);
    if (sample === undefined) broken++;
    else familyOf(families, sample.name).samples.push(sample);
  }
  return { families: [...families.values()].filter(({ samples }) => samples.length > 0), broken };
}

function draftOf(families: Map<string, Draft>, name: string): Draft {
  const draft = families.get(name) ?? { name, type: "untyped", help: undefined, samples: [] };
  families.set(name, draft);
  return draft;
}

function familyOf(families: Map<string, Draft>, sample: string): Draft {
  for (const [type, suffixes] of Object.entries(SUFFIXES)) {
    const suffix = suffixes.find((each) => sample.endsWith(each));
    const family = suffix === undefined ? undefined : families.get(sample.slice(0, -suffix.length));
    if (family?.type === type) return family;
  }
  return draftOf(families, sample);
}

/** Exemplars follow a sample behind a "#" in OpenMetrics, which some servers send whatever they are asked for. */
const EXEMPLAR = / # \{[^{}]*\} .*$/;

function sampleOf(line: string): Sample | undefined {
  return plainSampleOf(line) ?? (EXEMPLAR.test(line) ? plainSampleOf(line.replace(EXEMPLAR, "")) : undefined);
}

function plainSampleOf(line: string): Sample | undefined {
  const [, name, braces, value] = SAMPLE.exec(line) ?? [];
  if (name === undefined || value === undefined || !VALUE.test(value)) return undefined;
  const labels = labelsIn(braces === undefined ? "" : braces.slice(1, -1));
  return labels === undefined ? undefined : { name, labels, value };
}

function labelsIn(text: string): Sample["labels"] | undefined {
  const labels: Array<readonly [string, string]> = [];
  LABEL.lastIndex = 0;
  let end = 0;
  while (end < text.length && text.slice(end).trim() !== "") {
    LABEL.lastIndex = end;
    const match = LABEL.exec(text);
    const [, name, escaped] = match ?? [];
    if (name === undefined || escaped === undefined || labels.some(([known]) => known === name)) return undefined;
    labels.push([name, escaped]);
    end = LABEL.lastIndex;
  }
  return labels;
}

/** One line of a sample with labels before its own; one of its own with the name of such a one is `exported_` and that, as Prometheus calls it. */
export function renderSample({ name, labels, value }: Sample, added: Readonly<Record<string, string>>): string {
  const names = new Set(Object.keys(added));
  const own = labels.map(([label, escaped]) => `${names.has(label) ? "exported_" : ""}${label}="${escaped}"`);
  const more = Object.entries(added).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
  const pairs = [...more, ...own];
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}`;
}

export function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
