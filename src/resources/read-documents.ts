import { Composer, type CST, type Document, Lexer, LineCounter, Parser, visit } from "yaml";
import { InvalidResourceError, type Problem } from "../core/resource.ts";
import { type FieldPath, formatPath } from "./field-path.ts";
import { isMap, listIn, textIn } from "./json-fields.ts";
import { whyNotPlainJson } from "./plain-json.ts";
import { YamlLines } from "./yaml-lines.ts";
import { keyProblems, syntaxProblems } from "./yaml-problems.ts";

/** One document of a text, not yet checked for what it says. */
export interface ReadDocument {
  /** Plain JSON. */
  readonly value: unknown;
  /** Where the text comes from, as the caller calls it. */
  readonly source: string;
  /** The document's first line in the text, from 1. */
  readonly line: number;
  /** Line of a field, or of the nearest field around it that is in the text. */
  lineOf(path: FieldPath): number | undefined;
}

/** Kubernetes keeps objects of 1.5 MiB at most, and what people write by hand is far below. */
const MAX_CHARACTERS = 500_000;
/** An alias may repeat what it names this often, all of its uses together. */
const MAX_ALIAS_COUNT = 100;
/** Collections that are open at one place, and what else the parser keeps there; more than plain JSON may have. */
const MAX_OPEN_TOKENS = 100;
/** More help nobody, and a hostile text has one per line. */
const MAX_PROBLEMS = 100;

/**
 * Reads YAML 1.2 or JSON with any number of documents. Empty documents are skipped, and lists of Kubernetes are taken apart.
 * @throws InvalidResourceError with the lines of everything that is no YAML or no plain JSON
 */
export function readDocuments(text: string, source: string): readonly ReadDocument[] {
  if (text.length > MAX_CHARACTERS)
    throw new InvalidResourceError([{ path: "", message: `the text has more than ${MAX_CHARACTERS} characters; split it`, line: 1 }]);
  const counter = new LineCounter();
  const stray: Problem[] = [];
  const documents = compose(text, counter, stray);
  assertNone([...documents.flatMap((document) => syntaxProblems(document, counter, text)), ...stray]);
  const read = documents
    .filter(({ contents }) => contents !== null)
    .map((document) => ({ document, lines: new YamlLines(document, counter) }));
  assertNone(read.flatMap(({ document, lines }) => keyProblems(document, lines)));
  return read.flatMap(({ document, lines }) => {
    const value = toJson(document, lines);
    return value === null ? [] : expand({ value, source, line: lines.lineOf([]), lineOf: (path) => lines.lineOf(path) });
  });
}

/** The same for a text that has to hold one document. @throws InvalidResourceError */
export function readDocument(text: string, source: string): unknown {
  const documents = readDocuments(text, source);
  const [only] = documents;
  if (only !== undefined && documents.length === 1) return only.value;
  const found = documents.length === 0 ? "none" : `${documents.length} of them`;
  throw new InvalidResourceError([{ path: "", message: `expected one document, found ${found}` }]);
}

function compose(text: string, counter: LineCounter, stray: Problem[]): Document[] {
  // Duplicates are looked for elsewhere: the composer compares each key with each other.
  const composer = new Composer({ prettyErrors: false, uniqueKeys: false, intAsBigInt: true, merge: true, logLevel: "silent" });
  return [...composer.compose(tokensOf(text, counter, stray), false, text.length)];
}

/**
 * Stops before the nesting can overflow the stack of the composer, which the whole process may not survive, and at the first
 * token that is in no document's place: the parser's time grows with the square of their number.
 */
function* tokensOf(text: string, counter: LineCounter, stray: Problem[]): Generator<CST.Token> {
  counter.addNewLine(0);
  const parser = new Parser(counter.addNewLine);
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) {
      if (token.type !== "error") yield token;
      else {
        stray.push({ path: "", message: `no valid YAML: ${token.message}`, line: counter.linePos(token.offset).line });
        return;
      }
    }
    if (parser.stack.length > MAX_OPEN_TOKENS) throw tooDeep(counter.linePos(parser.offset).line);
  }
  yield* parser.end();
}

function tooDeep(line: number): InvalidResourceError {
  return new InvalidResourceError([{ path: "", message: "no valid YAML: nested too deeply", line }]);
}

function toJson(document: Document, lines: YamlLines): unknown {
  visit(document, {
    Scalar: (_, scalar) => {
      if (typeof scalar.value === "bigint" && Number.isSafeInteger(Number(scalar.value))) scalar.value = Number(scalar.value);
    },
  });
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MAX_ALIAS_COUNT });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    // What the library throws of its own for a merge key has no class by which to know it.
    const what = error.constructor === Error ? "a merge key (<<)" : "aliases";
    throw new InvalidResourceError([{ path: "", message: `${what} cannot be followed: ${error.message}`, line: lines.lineOf([]) }]);
  }
  const finding = whyNotPlainJson(value);
  if (finding === undefined) return value;
  throw new InvalidResourceError([{ path: formatPath(finding.path), message: finding.message, line: lines.lineOf(finding.path) }]);
}

/** `kind: List`, and lists of one kind as an API server answers them. */
function expand(document: ReadDocument): ReadDocument[] {
  const { value, source, lineOf } = document;
  if (!isMap(value) || !textIn(value, "kind")?.endsWith("List") || !Array.isArray(value.items)) return [document];
  return listIn(value, "items").flatMap((item, index) =>
    expand({
      value: item,
      source,
      line: lineOf(["items", index]) ?? document.line,
      lineOf: (path) => lineOf(["items", index, ...path]),
    }),
  );
}

function assertNone(problems: readonly Problem[]): void {
  if (problems.length > 0) throw new InvalidResourceError(problems.slice(0, MAX_PROBLEMS));
}
