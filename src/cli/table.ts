import { stripVTControlCharacters } from "node:util";
import type { Style } from "./paint.ts";
import type { Terminal } from "./terminal.ts";

export type Cell = string | { readonly text: string; readonly style: Style | undefined };

interface TableOptions {
  /** Spaces before each line. */
  readonly indent?: number;
  /** Widths that the columns have at least: those of an earlier part of the same table. */
  readonly widths?: readonly number[];
  /** Leaves the titles out. */
  readonly withoutTitles?: boolean;
  /** Columns whose cells end at the same place, as numbers do; by their index. */
  readonly right?: ReadonlySet<number>;
  /** Spaces between columns. */
  readonly gap?: number;
}

/**
 * Rows below their titles, aligned; a cell shows its first line only, and on a terminal a line is cut at its edge. An empty cell
 * is a dash, so that every row has as many words as there are columns of words.
 */
export function renderTable(
  titles: readonly string[],
  rows: readonly (readonly Cell[])[],
  terminal: Pick<Terminal, "paint" | "width">,
  options: TableOptions = {},
): string {
  const { withoutTitles = false, indent = 0, right = new Set<number>(), gap = 3 } = options;
  const layout = { indent, widths: columnWidths(titles, rows, options.widths), right, gap };
  const lines = withoutTitles
    ? []
    : [
        renderLine(
          titles.map((text): Cell => ({ text, style: "bold" })),
          layout,
          terminal,
        ),
      ];
  for (const row of rows) lines.push(renderLine(row, layout, terminal));
  return lines.map((line) => `${line}\n`).join("");
}

/** How many characters each column takes. */
export function columnWidths(titles: readonly string[], rows: readonly (readonly Cell[])[], least: readonly number[] = []): number[] {
  return titles.map((title, column) =>
    Math.max(title.length, least[column] ?? 0, ...rows.map((row) => [...shown(row[column] ?? "")].length)),
  );
}

interface Layout {
  readonly indent: number;
  readonly widths: readonly number[];
  readonly right: ReadonlySet<number>;
  readonly gap: number;
}

function renderLine(
  cells: readonly Cell[],
  { indent, widths, right, gap }: Layout,
  { paint, width }: Pick<Terminal, "paint" | "width">,
): string {
  let line = " ".repeat(indent);
  let room = width === undefined ? Number.POSITIVE_INFINITY : width - indent;
  for (const [column, cell] of cells.entries()) {
    const text = right.has(column) ? shown(cell).padStart(widths[column] ?? 0) : shown(cell);
    const cut = [...text].length > room ? `${[...text].slice(0, Math.max(0, room - 1)).join("")}…` : text;
    line += paint(typeof cell === "string" ? undefined : cell.style, cut);
    room -= (widths[column] ?? 0) + gap;
    if (column === cells.length - 1 || room <= 0) break;
    line += " ".repeat((widths[column] ?? 0) - [...text].length + gap);
  }
  return line;
}

function shown(cell: Cell): string {
  const [first = "", ...others] = plain(typeof cell === "string" ? cell : cell.text)
    .trim()
    .split("\n");
  if (first === "") return "-";
  return others.length > 0 ? `${first} …` : first;
}

/** A text of somebody else, without what would move the cursor or change colours. */
export function plain(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll("\r\n", "\n")
    .replaceAll("\t", "    ")
    .replace(/[\p{Cc}]/gu, (character) => (character === "\n" ? character : ""));
}
