import { type Document, isCollection, isPair, isSeq, type LineCounter, type Node, visit, type YAMLError, type YAMLMap } from "yaml";
import type { Problem } from "../core/resource.ts";
import { type FieldPath, formatPath } from "./field-path.ts";
import { keyText, type YamlLines } from "./yaml-lines.ts";

/** Messages for what people get wrong most; others keep the parser's words. */
const MESSAGES: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: "YAML is indented with spaces, found a tab; replace it",
  BAD_INDENT: "this line is indented differently from its neighbours; lines of one map or list begin in the same column",
  MULTILINE_IMPLICIT_KEY: "expected 'key: value' on this line; a colon is missing, or the indentation is wrong",
  BLOCK_AS_IMPLICIT_KEY: "two 'key: value' on one line; quote a value that contains ': ', or put each field on a line of its own",
  RESOURCE_EXHAUSTION: "nested too deeply",
};

/** Of one document; more help nobody. */
const MAX_ERRORS = 100;
/** Characters of a line that are looked at. */
const MAX_LINE = 1000;

/** What keeps a text from being YAML. */
export function syntaxProblems(document: Document, counter: LineCounter, text: string): Problem[] {
  // A tag that is not known leaves the value as if it had none, so it is an error here.
  return [...document.errors, ...document.warnings].slice(0, MAX_ERRORS).map((error) => ({
    path: "",
    message: `no valid YAML: ${describe(error, text)}`,
    line: counter.linePos(error.pos[0]).line,
  }));
}

function describe(error: YAMLError, text: string): string {
  const begin = text.lastIndexOf("\n", error.pos[0] - 1) + 1;
  const [line = ""] = text.slice(begin, begin + MAX_LINE).split("\n");
  if (line.includes("{{")) return "found {{ outside quotes; quote the value, or fill the template in first";
  // The parser calls an open bracket an indentation that is wrong.
  const open = /^Flow (sequence|map)\b/.exec(error.message)?.[1];
  if (open !== undefined) return open === "map" ? "a { before this is not closed; add }" : "a [ before this is not closed; add ]";
  return MESSAGES[error.code] ?? error.message;
}

/** Keys that are there twice or that JSON cannot have. */
export function keyProblems(document: Document, lines: YamlLines): Problem[] {
  const problems: Problem[] = [];
  visit(document, {
    Map: (_, map, ancestors) => {
      for (const { path, message, line } of problemsOf(map, lines)) {
        problems.push({ path: formatPath([...pathOf([...ancestors, map]), ...path]), message, line });
      }
    },
  });
  return problems;
}

function* problemsOf(map: YAMLMap, lines: YamlLines): Generator<{ path: FieldPath; message: string; line: number }> {
  const seen = new Map<string, Node>();
  for (const { key } of map.items as { key: Node }[]) {
    const name = keyText(key);
    const line = lines.at(key);
    const first = name === undefined ? undefined : seen.get(name);
    if (name === undefined) yield { path: [], message: whyNoName(key), line };
    else if (first !== undefined) yield { path: [name], message: `is given twice, first in line ${lines.at(first)}; keep one`, line };
    else seen.set(name, key);
  }
}

function whyNoName(key: Node): string {
  if (!isCollection(key)) return "expected a name before the colon; quote it when it is meant as text";
  return "found a map or a list in place of a name; quote the value, or fill the template in first when it has {{ }}";
}

/** From the nodes and pairs on the way to a node. */
function pathOf(chain: readonly unknown[]): FieldPath {
  return chain.flatMap((node, index): (string | number)[] => {
    const parent = chain[index - 1];
    if (isPair(node)) return [keyText(node.key) ?? "?"];
    return isSeq(parent) ? [parent.items.indexOf(node)] : [];
  });
}
