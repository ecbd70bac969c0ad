import { isApplied, isNotFound, listObjects, notFound } from "./api-objects.ts";
import { type Client, RefusedError } from "./client.ts";
import { readIdentities } from "./documents.ts";
import { CliError } from "./errors.ts";
import { type Kind, parseWanted, pathOf, printedName } from "./kinds.ts";
import type { Terminal } from "./terminal.ts";

export interface DeleteOptions {
  readonly namespace: string;
  readonly file?: readonly string[];
  readonly recursive?: boolean;
  readonly all?: boolean;
  readonly yes?: boolean;
  readonly selector?: string;
  readonly ignoreNotFound?: boolean;
  readonly dryRun?: boolean;
}

interface Doomed {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
}

/** `nitrous delete`: by kind and name, by what files hold, or all of a kind. Answers the exit code. @throws CliError */
export async function deleteCommand(words: readonly string[], options: DeleteOptions, client: Client, terminal: Terminal): Promise<number> {
  const { ignoreNotFound = false, dryRun = false } = options;
  const doomed = await find(words, options, client, terminal);
  let exitCode = 0;
  for (const { kind, namespace, name } of doomed) {
    try {
      await client.send("DELETE", pathOf(kind, namespace, name), dryRun ? { dryRun: "All" } : {});
      terminal.print(`${printedName(kind, name)} deleted${dryRun ? " (server dry run)" : ""}\n`);
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      if (isNotFound(error) && ignoreNotFound) continue;
      const { message } = isNotFound(error) ? await notFound(client, kind, namespace, name) : error;
      terminal.note(`nitrous: ${message}`);
      exitCode = 1;
    }
  }
  return exitCode;
}

async function find(words: readonly string[], options: DeleteOptions, client: Client, terminal: Terminal): Promise<Doomed[]> {
  const { namespace, file, recursive = false, all = false, yes = false, selector, dryRun = false } = options;
  if (file !== undefined) {
    if (words.length > 0 || all || selector !== undefined) throw new CliError("give -f or names, not both", 2);
    const identities = await readIdentities(file, recursive, namespace, terminal);
    // What was applied first goes last: a runtime outlives the models that use it.
    return identities.reverse();
  }
  if (words.length === 0) throw new CliError("nothing to delete: give names, a kind with --all, or -f FILE", 2);
  const wanted = parseWanted(words);
  const kinds = wanted.filter(({ name }) => name === undefined);
  if (kinds.length === 0) {
    if (all || selector !== undefined) throw new CliError("give names, or a kind with --all or --selector, not both", 2);
    return wanted.flatMap(({ kind, name }) => (name === undefined ? [] : [{ kind, namespace, name }]));
  }
  if (!all && selector === undefined) throw new CliError(`give names of ${kinds.map(({ kind }) => kind.plural).join(", ")}, or --all`, 2);
  const lists = await Promise.all(
    kinds.map(async ({ kind }) => {
      const { items } = await listObjects(client, kind, namespace, { labelSelector: selector });
      return items.filter(isApplied).map(({ metadata }): Doomed => ({ kind, namespace, name: metadata.name }));
    }),
  );
  const doomed = lists.flat();
  if (doomed.length === 0) terminal.note("there is nothing to delete");
  else if (!yes && !dryRun) {
    const names = doomed.map(({ kind, name }) => `  ${printedName(kind, name)}`);
    throw new CliError(`this would delete, and needs --yes to do it:\n${names.join("\n")}`, 2);
  }
  return doomed;
}
