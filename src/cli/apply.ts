import { isDeepStrictEqual } from "node:util";
import { withOrigin } from "../resources/index.ts";
import { type ApiObject, findObject, toApiObject } from "./api-objects.ts";
import { type Client, RefusedError } from "./client.ts";
import { type FileDocument, problemLine, readFileDocuments } from "./documents.ts";
import { CliError } from "./errors.ts";
import { CLUSTER_RUNTIMES, type Kind, pathOf, printedName, RUNTIMES, SERVICES, TRAINED_MODELS } from "./kinds.ts";
import { prune } from "./prune.ts";
import type { Terminal } from "./terminal.ts";
import { waitUntilReady } from "./wait.ts";

export interface ApplyOptions {
  readonly file: readonly string[];
  readonly recursive?: boolean;
  readonly namespace?: string;
  readonly dryRun?: boolean;
  readonly prune?: boolean;
  /** Seconds. */
  readonly wait?: number;
}

/** One resource that the server has taken. */
interface Applied {
  readonly kind: Kind;
  readonly verb: "created" | "configured" | "unchanged";
  readonly before: ApiObject | undefined;
  readonly after: ApiObject;
}

/** Runtimes are there before the services that need them, and these before the models in their servers. */
const ORDER: readonly Kind[] = [CLUSTER_RUNTIMES, RUNTIMES, SERVICES, TRAINED_MODELS];

/** Looks at whether it is there: somebody may make it or delete it in between. */
const ATTEMPTS = 5;

/** Requests under way: the server writes what comes together to its disk together. */
const AT_ONCE = 8;

/**
 * `nitrous apply -f`: makes the server's resources what the files say. Nothing is sent when anything in the files is wrong.
 * Answers the exit code. @throws CliError
 */
export async function applyCommand(options: ApplyOptions, client: Client, terminal: Terminal, signal: AbortSignal): Promise<number> {
  const { file: paths, recursive = false, namespace, dryRun = false } = options;
  if (options.prune && paths.includes("-")) {
    throw new CliError("--prune needs files or folders: what came from standard input before cannot be told from the rest", 2);
  }
  const { documents, problems } = await readFileDocuments(paths, recursive, namespace, terminal);
  if (problems.length > 0) {
    for (const problem of problems) terminal.note(problemLine(problem));
    terminal.note("nitrous: nothing was applied");
    return 1;
  }
  if (documents.length === 0) throw new CliError(`there is no resource in ${paths.join(", ")}`);
  const applied: Applied[] = [];
  for (const kind of ORDER) {
    const ofKind = documents.filter((each) => each.kind === kind);
    for (let start = 0; start < ofKind.length; start += AT_ONCE) {
      const group = ofKind.slice(start, start + AT_ONCE);
      const results = await Promise.all(group.map((each) => tryOne(each, dryRun, client)));
      for (const [index, each] of group.entries()) {
        const result = results[index];
        if (Array.isArray(result)) for (const line of result) terminal.note(line);
        else if (result !== undefined) {
          applied.push(result);
          terminal.print(`${printedName(each.kind, each.document.metadata.name)} ${result.verb}${dryRun ? " (server dry run)" : ""}\n`);
        }
      }
    }
  }
  const failed = applied.length < documents.length;
  if (options.prune && failed) terminal.note("nitrous: nothing was pruned, because not everything could be applied");
  else if (options.prune) await prune(documents, dryRun, client, terminal);
  if (options.wait === undefined || dryRun) return failed ? 1 : 0;
  const awaited = applied.filter(({ kind }) => kind === SERVICES || kind === TRAINED_MODELS);
  const allReady = await waitUntilReady(awaited, { seconds: options.wait }, client, terminal, signal);
  return failed || !allReady ? 1 : 0;
}

/** What has become of it, or why the server has refused it, in lines. */
async function tryOne(document: FileDocument, dryRun: boolean, client: Client): Promise<Applied | string[]> {
  try {
    return await applyOne(document, dryRun, client);
  } catch (error) {
    if (error instanceof RefusedError) return refusalLines(document, error);
    throw error;
  }
}

/** Creates or replaces; of two who do it at the same time, the last wins. */
async function applyOne({ kind, document, file }: FileDocument, dryRun: boolean, client: Client): Promise<Applied> {
  const { name, namespace = "default" } = document.metadata;
  const body = withOrigin(document, { appliedFrom: file.argument, baseDirectory: file.directory });
  const query = dryRun ? { dryRun: "All" } : {};
  for (let attempt = 1; ; attempt++) {
    const before = await findObject(client, kind, namespace, name);
    try {
      if (before === undefined) {
        return { kind, verb: "created", before, after: toApiObject(await client.send("POST", pathOf(kind, namespace), query, body)) };
      }
      const after = toApiObject(await client.send("PUT", pathOf(kind, namespace, name), query, body));
      return { kind, verb: isSame(before, after) ? "unchanged" : "configured", before, after };
    } catch (error) {
      if (
        attempt === ATTEMPTS ||
        !(error instanceof RefusedError) ||
        error.reason !== (before === undefined ? "AlreadyExists" : "NotFound")
      )
        throw error;
    }
  }
}

/** Versions say less: they also change with the status. */
function isSame({ metadata: before }: ApiObject, { metadata: after }: ApiObject): boolean {
  const wanted = ({ labels = {}, annotations = {} }: ApiObject["metadata"]) => ({ labels, annotations });
  return before.uid === after.uid && before.generation === after.generation && isDeepStrictEqual(wanted(before), wanted(after));
}

function refusalLines({ file: { source }, document, kind, line, lineOf }: FileDocument, { causes, message }: RefusedError): string[] {
  if (causes.length === 0)
    return [problemLine({ source, line, path: "", message: `${kind.kind} '${document.metadata.name}': ${message}` })];
  return causes.map((cause) => problemLine({ source, line: lineOf(cause.field), path: cause.field, message: cause.message }));
}
