import { BUILT_IN_RUNTIMES } from "../built-in-runtimes.ts";
import type { InferenceService, ServingRuntime } from "../core/resource.ts";
import { isElsewhere, type RuntimeChoice, readBuiltInRuntimes, runsOwnServer, selectRuntime } from "../resources/index.ts";
import { indented } from "./describe-text.ts";
import { type FileDocument, type FileDocuments, problemLine, readFileDocuments } from "./documents.ts";
import { resourceInWords, SERVICES, TRAINED_MODELS } from "./kinds.ts";
import { asRuntime, asService, NEVER_CREATED } from "./local-resources.ts";
import { parseOutput, printValue } from "./print-objects.ts";
import type { Terminal } from "./terminal.ts";

export interface ValidateOptions {
  readonly namespace?: string;
  readonly recursive?: boolean;
  readonly output?: string;
}

/** What is to be said of one valid resource. */
interface Verdict {
  readonly document: FileDocument;
  /** Of InferenceServices only. */
  readonly service?: InferenceService;
  readonly choice?: RuntimeChoice;
}

/**
 * `nitrous validate PATH...`: what `apply` would refuse, without a server, and which runtime each model would get of those that nitrous
 * brings and those in the files. Answers the exit code: 1 when anything is wrong. @throws CliError for files that cannot be read
 */
export async function validateCommand(paths: readonly string[], options: ValidateOptions, terminal: Terminal): Promise<number> {
  const { namespace, recursive = false } = options;
  const output = parseOutput(options.output, ["json", "yaml"] as const);
  const found = await readFileDocuments(paths, recursive, namespace, terminal);
  const runtimes = allRuntimes(found, terminal.now());
  const verdicts = found.documents.map((document) => verdictOn(document, runtimes));
  if (output === undefined) printVerdicts(verdicts, found, terminal);
  else terminal.print(printValue(forMachines(verdicts, found), output));
  return found.problems.length > 0 ? 1 : 0;
}

/** Those that nitrous brings, unless the files have one of the same name, and those of the files, which are newer. */
function allRuntimes({ documents }: FileDocuments, now: number): ServingRuntime[] {
  const createdAt = new Date(now).toISOString();
  const own = documents
    .filter(({ kind }) => kind !== SERVICES && kind !== TRAINED_MODELS)
    .map(({ document }) => asRuntime(document, createdAt));
  const hidden = new Set(own.filter(({ namespace }) => namespace === undefined).map(({ name }) => name));
  const builtIn = readBuiltInRuntimes(BUILT_IN_RUNTIMES).filter(({ metadata }) => !hidden.has(metadata.name));
  return [...own, ...builtIn.map((document) => asRuntime(document, NEVER_CREATED))];
}

function verdictOn(document: FileDocument, runtimes: readonly ServingRuntime[]): Verdict {
  if (document.kind !== SERVICES) return { document };
  const service = asService(document.document);
  const { model, multiNode } = service.predictor;
  if (model === undefined || isElsewhere(service)) return { document, service };
  return { document, service, choice: selectRuntime({ namespace: service.namespace, model, multiNode }, runtimes) };
}

function printVerdicts(verdicts: readonly Verdict[], { problems }: FileDocuments, terminal: Terminal): void {
  const { paint } = terminal;
  for (const problem of problems) terminal.note(problemLine(problem));
  for (const { document, service, choice } of verdicts) {
    const { file, line, kind, document: valid } = document;
    const words = resourceInWords(kind, valid.metadata.namespace, valid.metadata.name);
    terminal.print(`${file.source}:${line}: ${paint("green", "✓")} ${words} is valid\n`);
    if (choice !== undefined) terminal.print(indented(choiceInWords(choice), 4));
    for (const field of fieldsNotInEffect(service, choice)) {
      terminal.print(`    ${paint("yellow", "!")} ${field} changes nothing in this version (line ${document.lineOf(field)})\n`);
    }
  }
  if (problems.length > 0) terminal.note(`nitrous: ${problems.length} ${problems.length === 1 ? "problem" : "problems"}`);
  else if (verdicts.length === 0) terminal.note("there is no resource in it");
}

function fieldsNotInEffect(service: InferenceService | undefined, choice: RuntimeChoice | undefined): readonly string[] {
  if (service === undefined) return [];
  return runsOwnServer(service, choice?.runtime) ? service.notInEffectOfServer : service.notInEffect;
}

function choiceInWords({ runtime, candidates, failure }: RuntimeChoice): string {
  if (runtime === undefined) return `no runtime of those known here: ${failure?.message ?? "there are none"}`;
  const reason = candidates.find(({ chosen }) => chosen)?.reason;
  return `runtime: ${runtime.name}${reason === undefined ? "" : `, which ${reason}`}`;
}

function forMachines(verdicts: readonly Verdict[], { problems }: FileDocuments): unknown {
  return {
    valid: problems.length === 0,
    problems: problems.map(({ source, line, path, message }) => ({ source, line, path, message })),
    resources: verdicts.map(({ document: { file, line, kind, document }, service, choice }) => ({
      source: file.source,
      line,
      kind: kind.kind,
      ...(document.metadata.namespace === undefined ? {} : { namespace: document.metadata.namespace }),
      name: document.metadata.name,
      ...(service === undefined ? {} : { notInEffect: fieldsNotInEffect(service, choice) }),
      ...(choice === undefined
        ? {}
        : {
            runtime: choice.runtime?.name ?? null,
            protocolVersion: choice.protocolVersion ?? null,
            ...(choice.failure === undefined ? {} : { failure: choice.failure }),
            candidates: choice.candidates,
          }),
    })),
  };
}
