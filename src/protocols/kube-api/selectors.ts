import { ServeError } from "../../core/errors.ts";
import { describe } from "../shared/index.ts";

/** Whether an object is wanted, by its labels and by its fields. */
export interface Selector<Item> {
  readonly matches: (item: Item) => boolean;
  /** False when nothing that can change decides. */
  readonly changeable: boolean;
}

type Labels = Readonly<Record<string, string>>;
type Requirement = (labels: Labels) => boolean;

const KEY = "[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?";
const VALUE = "(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?";
const EXISTS = new RegExp(`^(!?)\\s*(${KEY})$`);
const EQUALS = new RegExp(`^(${KEY})\\s*(==?|!=)\\s*(${VALUE})$`);
const IN_SET = new RegExp(`^(${KEY})\\s+(in|notin)\\s*\\(([^()]*)\\)$`);
const IN_SET_VALUE = new RegExp(`^${VALUE}$`);
/** Characters; what is tried for each requirement grows with the text. */
const MOST_CHARACTERS = 4096;

/**
 * Kubernetes' label selectors, by equality and by set: `a=b,c!=d,e in (f,g),h notin (i),j,!k`. As there, `!=` and `notin` also
 * match objects without the label.
 * @throws ServeError INVALID_ARGUMENT
 */
export function parseLabelSelector(text: string): (labels: Labels) => boolean {
  const requirements = text.trim() === "" ? [] : splitOutsideParentheses(text).map((part) => parseRequirement(part.trim()));
  return (labels) => requirements.every((holds) => holds(labels));
}

function splitOutsideParentheses(text: string): string[] {
  if (text.length > MOST_CHARACTERS) {
    throw new ServeError("INVALID_ARGUMENT", `the label selector has ${text.length} characters; at most ${MOST_CHARACTERS} are taken`);
  }
  const parts: string[] = [];
  let inside = false;
  let from = 0;
  for (let index = 0; index < text.length; index++) {
    if (text[index] === "(") inside = true;
    else if (text[index] === ")") inside = false;
    else if (text[index] === "," && !inside) {
      parts.push(text.slice(from, index));
      from = index + 1;
    }
  }
  return [...parts, text.slice(from)];
}

function parseRequirement(text: string): Requirement {
  const exists = EXISTS.exec(text);
  if (exists !== null) {
    const [, not, key = ""] = exists;
    return (labels) => Object.hasOwn(labels, key) === (not === "");
  }
  const equals = EQUALS.exec(text);
  if (equals !== null) {
    const [, key = "", operator, value] = equals;
    return (labels) => (labelOf(labels, key) === value) === (operator !== "!=");
  }
  const set = IN_SET.exec(text);
  if (set !== null) {
    const [, key = "", operator, list = ""] = set;
    const values = list.split(",").map((value) => value.trim());
    if (values.every((value) => IN_SET_VALUE.test(value))) {
      const wanted = new Set<string | undefined>(values);
      return (labels) => wanted.has(labelOf(labels, key)) === (operator === "in");
    }
  }
  const message = `unable to parse the label selector ${describe(text)}; use key, !key, key=value, key!=value, key in (a,b) or key notin (a,b)`;
  throw new ServeError("INVALID_ARGUMENT", message);
}

function labelOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

/**
 * Kubernetes' field selectors: `metadata.name=a,type!=Normal`, with the fields that `fields` can read.
 * @throws ServeError INVALID_ARGUMENT, also for other fields
 */
export function parseFieldSelector<Item>(text: string, fields: Readonly<Record<string, (item: Item) => string>>): (item: Item) => boolean {
  const terms = text.trim() === "" ? [] : text.split(",").map((part) => parseTerm(part.trim(), fields));
  return (item) => terms.every((holds) => holds(item));
}

function parseTerm<Item>(text: string, fields: Readonly<Record<string, (item: Item) => string>>): (item: Item) => boolean {
  const [, name = "", operator, value] = /^([\w.]+)\s*(==?|!=)\s*(.*)$/.exec(text) ?? [];
  const read = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (read === undefined) {
    const known = Object.keys(fields).join(", ");
    throw new ServeError("INVALID_ARGUMENT", `the field selector ${describe(text)} is not supported; compare one of ${known} with = or !=`);
  }
  return (item) => (read(item) === value) === (operator !== "!=");
}

interface Labelled {
  readonly metadata: { readonly labels?: Labels };
}

/**
 * What the query's `labelSelector` and `fieldSelector` ask for.
 * @throws ServeError INVALID_ARGUMENT
 */
export function selectorOf<Item extends Labelled>(
  query: URLSearchParams,
  fields: Readonly<Record<string, (item: Item) => string>>,
): Selector<Item> {
  const labelSelector = query.get("labelSelector") ?? "";
  const labelsMatch = parseLabelSelector(labelSelector);
  const fieldsMatch = parseFieldSelector(query.get("fieldSelector") ?? "", fields);
  return { matches: (item) => fieldsMatch(item) && labelsMatch(item.metadata.labels ?? {}), changeable: labelSelector !== "" };
}
