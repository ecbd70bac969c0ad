import { ANNOTATIONS } from "../resources/index.ts";
import { isNotFound, listObjects } from "./api-objects.ts";
import type { Client } from "./client.ts";
import type { FileDocument } from "./documents.ts";
import { KINDS, pathOf, printedName } from "./kinds.ts";
import type { Terminal } from "./terminal.ts";

/** Deletes what was applied from the same arguments before and is in their files no more; services before runtimes. */
export async function prune(documents: readonly FileDocument[], dryRun: boolean, client: Client, terminal: Terminal): Promise<void> {
  const sources = new Set(documents.map(({ file }) => file.argument));
  const kept = new Set(documents.map(({ kind, document: { metadata } }) => pathOf(kind, metadata.namespace, metadata.name)));
  for (const kind of KINDS) {
    const { items } = await listObjects(client, kind, undefined);
    for (const { metadata } of items) {
      const path = pathOf(kind, metadata.namespace, metadata.name);
      const source = metadata.annotations?.[ANNOTATIONS.appliedFrom];
      if (source === undefined || !sources.has(source) || kept.has(path)) continue;
      if (await remove(path, dryRun, client))
        terminal.print(`${printedName(kind, metadata.name)} pruned${dryRun ? " (server dry run)" : ""}\n`);
    }
  }
}

/** False when somebody else has done it already. */
async function remove(path: string, dryRun: boolean, client: Client): Promise<boolean> {
  try {
    await client.send("DELETE", path, dryRun ? { dryRun: "All" } : {});
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
