import { InvalidResourceError, type Problem } from "../core/resource.ts";
import { type ReadDocument, readDocuments, type ValidDocument, validateDocument } from "../resources/index.ts";
import { CliError } from "./errors.ts";
import { findKind, type Kind, resourceInWords } from "./kinds.ts";
import { readSources, type SourceFile } from "./source-files.ts";
import type { Terminal } from "./terminal.ts";

/** A valid resource of a file. */
export interface FileDocument {
  readonly kind: Kind;
  readonly document: ValidDocument;
  readonly file: SourceFile;
  /** First line of the document in its file, from 1. */
  readonly line: number;
  /** Line of a field such as `spec.predictor.model`, or of what is around it. */
  lineOf(field: string): number;
}

/** One thing that is wrong with a file. */
export interface FileProblem extends Problem {
  readonly source: string;
  readonly line: number;
}

export interface FileDocuments {
  readonly documents: readonly FileDocument[];
  readonly problems: readonly FileProblem[];
}

interface Identity {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
}

/**
 * All resources of some files, and everything that is wrong with them. `namespace` is that of documents without one, and a
 * document that names another is wrong; undefined is the default for the former.
 * @throws CliError for files that cannot be read
 */
export async function readFileDocuments(
  paths: readonly string[],
  recursive: boolean,
  namespace: string | undefined,
  terminal: Terminal,
): Promise<FileDocuments> {
  const documents: FileDocument[] = [];
  const problems: FileProblem[] = [];
  const first = new Map<string, FileDocument>();
  for (const { file, read } of await readAll(paths, recursive, terminal, problems)) {
    const found = collect(file, read.line, problems, () => toFileDocument(file, read, namespace));
    if (found === undefined) continue;
    const { name, namespace: place } = found.document.metadata;
    const words = resourceInWords(found.kind, place, name);
    const twin = first.get(words);
    if (twin === undefined) first.set(words, found);
    else {
      const message = `${words} is already in ${twin.file.source}:${twin.line}; keep one of them`;
      problems.push({ source: file.source, line: found.lineOf("metadata.name"), path: "metadata.name", message });
    }
    documents.push(found);
  }
  return { documents, problems };
}

/** What the resources of some files are called, whatever else they say. @throws CliError for what has no name */
export async function readIdentities(
  paths: readonly string[],
  recursive: boolean,
  namespace: string | undefined,
  terminal: Terminal,
): Promise<Identity[]> {
  const problems: FileProblem[] = [];
  const read = await readAll(paths, recursive, terminal, problems);
  const identities = read.flatMap(
    ({ file, read: document }) => collect(file, document.line, problems, () => identityOf(document, namespace)) ?? [],
  );
  if (problems.length > 0) throw new CliError(problems.map(problemLine).join("\n"));
  return identities;
}

/** `file:line: field: message`, as editors and people know it. */
export function problemLine({ source, line, path, message }: FileProblem): string {
  return `${source}:${line}: ${path === "" ? "" : `${path}: `}${message}`;
}

async function readAll(
  paths: readonly string[],
  recursive: boolean,
  terminal: Terminal,
  problems: FileProblem[],
): Promise<{ readonly file: SourceFile; readonly read: ReadDocument }[]> {
  const files = await readSources(paths, recursive, terminal);
  return files.flatMap((file) => {
    const read = collect(file, 1, problems, () => readDocuments(file.text, file.source)) ?? [];
    return read.map((each) => ({ file, read: each }));
  });
}

function toFileDocument(file: SourceFile, read: ReadDocument, namespace: string | undefined): FileDocument {
  const document = validateDocument(read.value, { lineOf: read.lineOf, ...(namespace === undefined ? {} : { namespace }) });
  const place = document.metadata.namespace;
  if (namespace !== undefined && place !== undefined && place !== namespace) {
    const message = `is ${place}, and --namespace says ${namespace}; leave one of them out`;
    throw problemAt("metadata.namespace", message, read.lineOf(["metadata", "namespace"]));
  }
  const kind = findKind(document.kind);
  if (kind === undefined) throw new InvalidResourceError([{ path: "kind", message: `this version has no ${document.kind}` }]);
  return { kind, document, file, line: read.line, lineOf: (field) => read.lineOf(fieldPath(field)) ?? read.line };
}

function identityOf({ value, lineOf }: ReadDocument, namespace = "default"): Identity {
  const { kind: kindWord, metadata } = (value ?? {}) as { kind?: unknown; metadata?: { name?: unknown; namespace?: unknown } };
  const kind = typeof kindWord === "string" ? findKind(kindWord) : undefined;
  if (kind === undefined)
    throw problemAt("kind", `expected a kind of KServe, found ${JSON.stringify(kindWord) ?? "none"}`, lineOf(["kind"]));
  if (typeof metadata?.name !== "string") throw problemAt("metadata.name", "expected a name", lineOf(["metadata"]));
  return { kind, name: metadata.name, namespace: typeof metadata.namespace === "string" ? metadata.namespace : namespace };
}

function problemAt(path: string, message: string, line: number | undefined): InvalidResourceError {
  return new InvalidResourceError([{ path, message, ...(line === undefined ? {} : { line }) }]);
}

/** What a step makes of a document; its problems go to the others. */
function collect<Result>({ source }: SourceFile, line: number, problems: FileProblem[], step: () => Result): Result | undefined {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof InvalidResourceError)) throw error;
    problems.push(...error.problems.map((problem) => ({ ...problem, source, line: problem.line ?? line })));
    return undefined;
  }
}

/** `spec.containers[0].env["a.b"]` as its steps. */
function fieldPath(text: string): (string | number)[] {
  return [...text.matchAll(/\[(\d+)\]|\["?([^\]"]*)"?\]|([^.[\]]+)/g)].map(([, index, quoted, name]) =>
    index === undefined ? (quoted ?? name ?? "") : Number(index),
  );
}
