import type { ApiObject } from "./api-objects.ts";
import { type Kind, printedName, SERVICES, TRAINED_MODELS } from "./kinds.ts";
import { printValue } from "./print-objects.ts";
import { runtimeRow, runtimeTitles } from "./runtime-rows.ts";
import { type RowOptions, serviceRow, serviceTitles } from "./service-rows.ts";
import { type Cell, columnWidths, renderTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import { trainedModelRow, trainedModelTitles } from "./trained-model-rows.ts";

export const OUTPUTS = ["json", "yaml", "wide", "name"] as const;
/** Undefined is a table. */
export type Output = (typeof OUTPUTS)[number] | undefined;

/** Resources of one kind as a table. */
export function objectTable(kind: Kind, items: readonly ApiObject[], options: RowOptions, terminal: Terminal): string {
  return renderTable(
    titlesOf(kind, options),
    items.map((item) => rowOf(kind, item, options)),
    terminal,
  );
}

/** What later rows of a watch usually need; nobody knows them when the first ones are printed. */
const USUAL_WIDTHS: Readonly<Record<string, number>> = { NAME: 12, URL: 44, READY: 7, STATE: 12, RUNTIME: 20 };

/** Prints resources as they come, all parts of one table or one document each. */
export function createPrinter(
  kind: Kind,
  allNamespaces: boolean,
  output: Output,
  terminal: Terminal,
): (objects: readonly ApiObject[], deleted?: boolean) => void {
  let widths: number[] | undefined;
  return (objects, deleted = false) => {
    if (output === "name") for (const { metadata } of objects) terminal.print(`${printedName(kind, metadata.name)}\n`);
    else if (output === "json") for (const object of objects) terminal.print(`${JSON.stringify(object)}\n`);
    else if (output === "yaml") for (const object of objects) terminal.print(`---\n${printValue(object, "yaml")}`);
    else if (objects.length > 0) {
      const rowsAs = { wide: output === "wide", allNamespaces, now: terminal.now() };
      const titles = titlesOf(kind, rowsAs);
      const rows = objects.map((object) => (deleted ? asDeleted(rowOf(kind, object, rowsAs), titles) : rowOf(kind, object, rowsAs)));
      const withoutTitles = widths !== undefined;
      const least = titles.map((title) => USUAL_WIDTHS[title] ?? 0);
      widths = columnWidths(titles, rows, widths ?? least);
      terminal.print(renderTable(titles, rows, terminal, { widths, withoutTitles }));
    }
  };
}

/** Says so where the state stands, or at the end of a row that has none. */
function asDeleted(row: readonly Cell[], titles: readonly string[]): Cell[] {
  const state = titles.indexOf("STATE");
  const deleted: Cell = { text: "deleted", style: "red" };
  return state < 0 ? [...row, deleted] : row.map((cell, column) => (column === state ? deleted : cell));
}

function titlesOf(kind: Kind, options: RowOptions): string[] {
  if (kind === TRAINED_MODELS) return trainedModelTitles(options);
  return kind === SERVICES
    ? serviceTitles(options)
    : runtimeTitles({ ...options, allNamespaces: options.allNamespaces && kind.namespaced });
}

function rowOf(kind: Kind, object: ApiObject, options: RowOptions): Cell[] {
  if (kind === SERVICES) return serviceRow(object, options);
  if (kind === TRAINED_MODELS) return trainedModelRow(object, options);
  return runtimeRow(object, { ...options, allNamespaces: options.allNamespaces && kind.namespaced });
}
