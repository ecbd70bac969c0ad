import { listObjects } from "./api-objects.ts";
import type { Client } from "./client.ts";
import { CliError } from "./errors.ts";
import { CLUSTER_RUNTIMES, RUNTIMES } from "./kinds.ts";
import { parseOutput, printValue, toList } from "./print-objects.ts";
import { candidatesText } from "./runtime-candidates.ts";
import { runtimeRow, runtimeTitles } from "./runtime-rows.ts";
import { renderTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

export interface RuntimesOptions {
  readonly namespace: string;
  readonly output?: string;
  /** `FORMAT` or `FORMAT:VERSION` of a model. */
  readonly for?: string;
  readonly protocol?: string;
}

/**
 * `nitrous runtimes`: every runtime that a model of the namespace may get, its own ones first; with `--for`, which one a model of that
 * format gets and why. @throws CliError
 */
export async function runtimesCommand({ namespace, ...options }: RuntimesOptions, client: Client, terminal: Terminal): Promise<void> {
  const output = parseOutput(options.output, ["json", "yaml", "wide"] as const);
  const [own, shared] = await Promise.all([listObjects(client, RUNTIMES, namespace), listObjects(client, CLUSTER_RUNTIMES, undefined)]);
  const items = [...own.items, ...shared.items];
  if (options.for !== undefined) {
    if (output !== undefined) throw new CliError("--for tells people; 'nitrous validate -o json' tells machines", 2);
    terminal.print(candidatesText({ namespace, format: options.for, protocol: options.protocol }, items, terminal));
    return;
  }
  if (options.protocol !== undefined) throw new CliError("--protocol needs --for FORMAT", 2);
  if (output === "json" || output === "yaml") {
    terminal.print(printValue(toList(items), output));
    return;
  }
  const rowsAs = { wide: output === "wide", allNamespaces: false, now: terminal.now() };
  terminal.print(
    renderTable(
      runtimeTitles(rowsAs),
      items.map((item) => runtimeRow(item, rowsAs)),
      terminal,
    ),
  );
}
