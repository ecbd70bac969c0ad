import { type ApiObject, getObject, listObjects } from "./api-objects.ts";
import type { Client } from "./client.ts";
import { CliError } from "./errors.ts";
import { watchKind } from "./get-watch.ts";
import { type Kind, parseWanted, printedName, SERVICES, type Wanted } from "./kinds.ts";
import { OUTPUTS, objectTable } from "./object-table.ts";
import { parseOutput, printValue, toList } from "./print-objects.ts";
import type { Terminal } from "./terminal.ts";

export interface GetOptions {
  readonly namespace: string;
  readonly allNamespaces?: boolean;
  readonly selector?: string;
  readonly output?: string;
  readonly watch?: boolean;
}

interface Found {
  readonly kind: Kind;
  readonly items: readonly ApiObject[];
}

/** `nitrous get [KIND] [NAME...]`. @throws CliError */
export async function getCommand(
  words: readonly string[],
  options: GetOptions,
  client: Client,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const { allNamespaces = false, selector, watch = false } = options;
  const namespace = allNamespaces ? undefined : options.namespace;
  const output = parseOutput(options.output, OUTPUTS);
  const wanted = parseWanted(words);
  const named = wanted.filter(({ name }) => name !== undefined);
  if (named.length > 0 && allNamespaces)
    throw new CliError("a resource cannot be named across all namespaces; leave -A or the name out", 2);
  if (named.length > 0 && selector !== undefined) throw new CliError("give names or a selector, not both", 2);
  if (watch) return await watchKind(wanted, { namespace, selector, output }, client, terminal, signal);
  const found = await find(wanted, namespace, selector, client);
  const items = found.flatMap((each) => each.items);
  if (output === "json" || output === "yaml") {
    terminal.print(printValue(named.length === 1 ? items[0] : toList(items), output));
    return;
  }
  if (output === "name") {
    for (const each of found) for (const { metadata } of each.items) terminal.print(`${printedName(each.kind, metadata.name)}\n`);
    return;
  }
  if (items.length === 0) return terminal.note(nothingFound(wanted, namespace, selector));
  const rowsAs = { wide: output === "wide", allNamespaces, now: terminal.now() };
  const tables = found.filter((each) => each.items.length > 0).map((each) => objectTable(each.kind, each.items, rowsAs, terminal));
  terminal.print(tables.join("\n"));
}

async function find(
  wanted: readonly Wanted[],
  namespace: string | undefined,
  selector: string | undefined,
  client: Client,
): Promise<Found[]> {
  const found = await Promise.all(
    wanted.map(async ({ kind, name }): Promise<Found> => {
      if (name !== undefined) return { kind, items: [await getObject(client, kind, namespace ?? "default", name)] };
      return { kind, items: (await listObjects(client, kind, namespace, { labelSelector: selector })).items };
    }),
  );
  return [...new Set(found.map(({ kind }) => kind))].map((kind) => ({
    kind,
    items: found.filter((each) => each.kind === kind).flatMap(({ items }) => items),
  }));
}

function nothingFound(wanted: readonly Wanted[], namespace: string | undefined, selector: string | undefined): string {
  const kinds = wanted.map(({ kind }) => kind.plural).join(", ");
  const place = namespace === undefined || wanted.every(({ kind }) => !kind.namespaced) ? "" : ` in namespace ${namespace}`;
  const hint = selector === undefined && wanted.some(({ kind }) => kind === SERVICES) ? "; apply one with 'nitrous apply -f FILE'" : "";
  return `there are no ${kinds}${place}${selector === undefined ? "" : ` with ${selector}`}${hint}`;
}
