import { z } from "zod";
import { getObject, watchObjects } from "./api-objects.ts";
import type { Client } from "./client.ts";
import { CliError } from "./errors.ts";
import { eventRow, eventTitles, type ServerEvent, toEvent, toEvents } from "./event-rows.ts";
import { SERVICES } from "./kinds.ts";
import { parseOutput, printValue, toList } from "./print-objects.ts";
import { columnWidths, renderTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

export interface EventsOptions {
  readonly namespace: string;
  readonly allNamespaces?: boolean;
  readonly watch?: boolean;
  readonly output?: string;
}

const list = z.object({
  metadata: z.object({ resourceVersion: z.string().optional() }).catch({}),
  items: z.array(z.unknown()),
});

/** `nitrous events [NAME]`: what happened, oldest first, and with --watch what happens. @throws CliError */
export async function eventsCommand(
  name: string | undefined,
  options: EventsOptions,
  client: Client,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const { namespace, allNamespaces = false, watch = false } = options;
  const output = parseOutput(options.output, ["json", "yaml"] as const);
  if (name !== undefined && allNamespaces)
    throw new CliError("a resource cannot be named across all namespaces; leave -A or the name out", 2);
  const path = eventsPath(allNamespaces ? undefined : namespace);
  const query = { fieldSelector: name === undefined ? undefined : `involvedObject.name=${name}` };
  const { items, resourceVersion } = await listEvents(client, path, query);
  // A name without events may be a mistyped one.
  if (name !== undefined && items.length === 0) await getObject(client, SERVICES, namespace, name);
  if (output !== undefined && !watch) {
    terminal.print(printValue(toList(items), output));
    return;
  }
  if (output !== undefined) {
    const print = (item: unknown): void =>
      terminal.print(output === "json" ? `${JSON.stringify(item)}\n` : `---\n${printValue(item, output)}`);
    items.forEach(print);
    for await (const { object } of watchObjects(client, path, { ...query, resourceVersion }, signal)) print(object);
    return;
  }
  const columns = { allNamespaces };
  const titles = eventTitles(columns);
  const toRow = (event: ServerEvent) => eventRow(event, columns, terminal.now());
  const rows = toEvents(items).map(toRow);
  if (rows.length === 0 && !watch) return terminal.note(`there are no events${name === undefined ? "" : ` of ${name}`}`);
  let widths = columnWidths(titles, rows);
  terminal.print(renderTable(titles, rows, terminal));
  if (!watch) return;
  for await (const { object } of watchObjects(client, path, { ...query, resourceVersion }, signal)) {
    const row = [toEvent(object)].flatMap((event) => (event === undefined ? [] : [toRow(event)]));
    widths = columnWidths(titles, row, widths);
    terminal.print(renderTable(titles, row, terminal, { widths, withoutTitles: true }));
  }
}

/** The events of one resource, oldest first. */
export async function eventsOf(client: Client, namespace: string | undefined, name: string): Promise<ServerEvent[]> {
  return toEvents((await listEvents(client, eventsPath(namespace), { fieldSelector: `involvedObject.name=${name}` })).items);
}

async function listEvents(
  client: Client,
  path: string,
  query: { readonly fieldSelector: string | undefined },
): Promise<{ readonly items: unknown[]; readonly resourceVersion: string | undefined }> {
  const { items, metadata } = list.parse(await client.send("GET", path, query));
  return { items, resourceVersion: metadata.resourceVersion };
}

function eventsPath(namespace: string | undefined): string {
  return namespace === undefined ? "/api/v1/events" : `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`;
}
