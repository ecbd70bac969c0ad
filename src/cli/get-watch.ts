import { type ApiList, type ApiObject, followObjects, notFound } from "./api-objects.ts";
import type { Client } from "./client.ts";
import { CliError } from "./errors.ts";
import { type Kind, pathOf, type Wanted } from "./kinds.ts";
import { createPrinter, type Output } from "./object-table.ts";
import type { Terminal } from "./terminal.ts";

interface WatchOptions {
  /** Undefined: all of them. */
  readonly namespace: string | undefined;
  readonly selector: string | undefined;
  readonly output: Output;
}

/** Prints what there is and every change, one row or document each, until the signal. @throws CliError for several kinds */
export async function watchKind(
  wanted: readonly Wanted[],
  { namespace, selector, output }: WatchOptions,
  client: Client,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const [first] = wanted;
  const names = wanted.flatMap(({ name }) => name ?? []);
  if (first === undefined || wanted.some(({ kind }) => kind !== first.kind))
    throw new CliError("only one kind can be watched at a time", 2);
  const { kind } = first;
  const isWanted = ({ metadata }: ApiObject): boolean => names.length === 0 || names.includes(metadata.name);
  const show = createPrinter(kind, namespace === undefined, output, terminal);
  const seen = new Map<string, string | undefined>();
  for await (const step of followObjects(client, pathOf(kind, namespace), { labelSelector: selector }, signal)) {
    if ("change" in step) {
      const { type, object } = step.change;
      if (!isWanted(object)) continue;
      show([object], type === "DELETED");
      seen.set(keyOf(object), object.metadata.resourceVersion);
      continue;
    }
    await assertAllThere(step.list, names, kind, namespace, client);
    // A list after the first repeats what has been shown already.
    show(step.list.items.filter((object) => isWanted(object) && seen.get(keyOf(object)) !== object.metadata.resourceVersion));
    for (const object of step.list.items) seen.set(keyOf(object), object.metadata.resourceVersion);
  }
}

async function assertAllThere(
  { items }: ApiList,
  names: readonly string[],
  kind: Kind,
  namespace: string | undefined,
  client: Client,
): Promise<void> {
  const missing = names.find((name) => !items.some(({ metadata }) => metadata.name === name));
  if (missing !== undefined) throw await notFound(client, kind, namespace ?? "default", missing);
}

function keyOf({ metadata }: ApiObject): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}
