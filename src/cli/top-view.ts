import { shortDuration } from "./age.ts";
import type { Style } from "./paint.ts";
import { type Cell, columnWidths, renderTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import type { ModelRow, Snapshot } from "./top-snapshot.ts";

/** What rows can be ordered by; all but names largest first. */
export const SORTS = ["rps", "p99", "queue", "memory", "name"] as const;
export type Sort = (typeof SORTS)[number];

/** Columns of a terminal from which on there is room for what a narrow one leaves out. */
const WIDE = 120;
/** Below this a terminal shows what matters most, and names are cut. */
const NARROW = 60;
/** What a name keeps of them, and the least number of characters. */
const NAME_SHARE = 1 / 3;
const SHORTEST_NAME = 6;
/** Spaces between columns. */
const NARROW_GAP = 2;

/** Lines about the server, then a row for each model. */
export interface View {
  readonly head: readonly string[];
  /** The titles of the table. */
  readonly titles: string;
  readonly rows: readonly string[];
}

/** @param address of the server. @param allNamespaces whether models of several namespaces may be shown */
export function topView(
  snapshot: Snapshot,
  { sort, address, allNamespaces }: { readonly sort: Sort; readonly address: string; readonly allNamespaces: boolean },
  terminal: Pick<Terminal, "paint" | "width">,
): View {
  const wide = (terminal.width ?? Number.POSITIVE_INFINITY) >= WIDE;
  const sorted = [...snapshot.models].sort(ORDERS[sort]);
  const columns = fitting(columnsFor(sorted, wide, allNamespaces, sort), sorted, terminal.width);
  const table = renderTable(
    columns.map(({ title }) => title),
    sorted.map((row) => columns.map(({ cell }) => cell(row))),
    terminal,
    { right: new Set(columns.flatMap(({ right }, index) => (right === true ? [index] : []))), gap: wide ? 3 : NARROW_GAP },
  );
  const [titles = "", ...rows] = table.trimEnd().split("\n");
  return { head: headOf(snapshot, address, terminal), titles, rows };
}

interface Column {
  readonly title: string;
  readonly cell: (row: ModelRow) => Cell;
  readonly right?: boolean;
}

function columnsFor(rows: readonly ModelRow[], wide: boolean, allNamespaces: boolean, sort: Sort): Column[] {
  const named = allNamespaces && rows.some(({ namespace }) => namespace !== "default");
  const isPlain = (wanted: (row: ModelRow) => boolean): boolean => !rows.some(wanted);
  const number = (title: string, cell: (row: ModelRow) => string, key?: Sort): Column => ({
    title: key === sort ? `${title}↓` : title,
    cell,
    right: true,
  });
  const failing: Column[] = isPlain(({ failuresPerSecond }) => failuresPerSecond > 0)
    ? []
    : [number("ERR/S", ({ failuresPerSecond }) => rate(failuresPerSecond))];
  const traffic: Column[] = isPlain((row) => row.traffic > 0 && row.traffic < 100)
    ? []
    : [number("SHARE", (row) => (row.version === "" ? "-" : `${row.traffic}%`))];
  return [
    ...(named && wide ? [{ title: "NAMESPACE", cell: ({ namespace }: ModelRow) => namespace }] : []),
    { title: "MODEL", cell: ({ namespace, model }) => (named && !wide && namespace !== "default" ? `${namespace}/${model}` : model) },
    // A narrow terminal has room for it only where it tells rows apart.
    ...(wide || new Set(rows.map(({ namespace, model }) => `${namespace}/${model}`)).size < rows.length
      ? [{ title: "REVISION", cell: ({ revision, version }: ModelRow) => [revision, version].filter(Boolean).join("/") }]
      : []),
    ...traffic,
    { title: "STATE", cell: ({ state }) => ({ text: state, style: styleOf(state) }) },
    number("REPL", ({ replicas }) => (replicas.wanted === 0 && replicas.ready === 0 ? "0" : `${replicas.ready}/${replicas.wanted}`)),
    number("QUEUE", ({ queued }) => String(queued), "queue"),
    number("BATCH", ({ meanBatchSize }) => (meanBatchSize === undefined ? "-" : meanBatchSize.toFixed(1))),
    number("RPS", ({ requestsPerSecond }) => rate(requestsPerSecond), "rps"),
    ...failing,
    number("P50", ({ p50Ms }) => latency(p50Ms)),
    number("P99", ({ p99Ms }) => latency(p99Ms), "p99"),
    number("MEMORY", ({ memoryBytes }) => (memoryBytes === 0 ? "-" : bytes(memoryBytes)), "memory"),
    ...(isPlain(({ reason }) => reason !== "") ? [] : [{ title: "WHY", cell: ({ reason }: ModelRow) => reason }]),
  ];
}

/** On a narrow terminal the name, what rows are ordered by and the state come first, and of numbers only those that fit whole. */
function fitting(columns: readonly Column[], rows: readonly ModelRow[], width = Number.POSITIVE_INFINITY): readonly Column[] {
  if (width >= NARROW) return columns;
  const longest = Math.max(SHORTEST_NAME, Math.floor(width * NAME_SHARE));
  const rank = ({ title }: Column): number => (title === "MODEL" ? 0 : title.endsWith("↓") ? 1 : title === "STATE" ? 2 : 3);
  const ordered = [...columns]
    .sort((one, other) => rank(one) - rank(other))
    .map((column) => (column.title === "MODEL" ? { ...column, cell: (row: ModelRow) => cut(String(column.cell(row)), longest) } : column));
  const cells = rows.map((row) => ordered.map(({ cell }) => cell(row)));
  const widths = columnWidths(
    ordered.map(({ title }) => title),
    cells,
  );
  let end = -NARROW_GAP;
  const fits = ordered.map(({ right }, index) => {
    end += NARROW_GAP + (widths[index] ?? 0);
    return right !== true || end <= width;
  });
  return ordered.filter((_, index) => fits[index]);
}

function headOf(
  { server, requests, accounts, models, version, uptimeSeconds, time }: Snapshot,
  address: string,
  { paint, width = Number.POSITIVE_INFINITY }: Pick<Terminal, "paint" | "width">,
): string[] {
  const counts = new Map<string, number>();
  for (const { state } of models) counts.set(state, (counts.get(state) ?? 0) + 1);
  const states = [...counts].map(([state, count]) => `${count} ${state}`).join(", ");
  const failures = requests.failuresPerSecond === 0 ? "" : `, ${rate(requests.failuresPerSecond)}/s fail`;
  const limited = accounts.map(({ name, reserved, budget }) => {
    const [used, most] = name === "models" ? [String(reserved), String(budget)] : [bytes(reserved), bytes(budget)];
    const share = name === "models" || budget === 0 ? "" : ` (${Math.round((reserved / budget) * 100)} %)`;
    return { text: `${name} ${used} of ${most}${share}`, isFull: reserved > budget };
  });
  const lines = [
    `nitrous ${version} at ${address}   up ${shortDuration(uptimeSeconds * 1000)}   ${time.slice(11, 19)} UTC`,
    `models   ${states === "" ? "none" : states}`,
    `requests ${rate(requests.perSecond)}/s${failures}, ${requests.inFlight} in flight`,
    `budgets  ${limited.map(({ text }) => text).join(", ") || "none"}`,
    `server   ${server.cores.toFixed(2)} cores, ${bytes(server.memoryBytes)}, event loop lag ${latency(server.eventLoopLagMs)}`,
  ];
  const isFull = limited.some((account) => account.isFull);
  return lines.map((line, index) => paint(index === 0 ? "bold" : isFull && index === 3 ? "yellow" : undefined, cut(line, width)));
}

const byName = (left: ModelRow, right: ModelRow): number =>
  compare(left.namespace, right.namespace) || compare(left.model, right.model) || Number(left.version) - Number(right.version);

const largest =
  (figure: (row: ModelRow) => number) =>
  (left: ModelRow, right: ModelRow): number =>
    figure(right) - figure(left) || byName(left, right);

const ORDERS: Readonly<Record<Sort, (left: ModelRow, right: ModelRow) => number>> = {
  // Tenths that flicker would have rows change their places.
  rps: largest(({ requestsPerSecond }) => Math.round(requestsPerSecond)),
  p99: largest(({ p99Ms = -1 }) => p99Ms),
  queue: largest(({ queued }) => queued),
  memory: largest(({ memoryBytes }) => memoryBytes),
  name: byName,
};

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function styleOf(state: string): Style | undefined {
  if (state === "ready") return "green";
  if (state === "failed") return "red";
  return state === "standby" || state === "stopped" ? "dim" : "yellow";
}

function rate(value: number): string {
  if (value === 0) return "0";
  return value < 10 ? value.toFixed(1) : String(Math.round(value));
}

function latency(milliseconds: number | undefined): string {
  if (milliseconds === undefined) return "-";
  if (milliseconds < 10) return `${milliseconds.toFixed(1)}ms`;
  return milliseconds < 10_000 ? `${Math.round(milliseconds)}ms` : `${(milliseconds / 1000).toFixed(1)}s`;
}

function bytes(amount: number): string {
  const mebibytes = amount / 2 ** 20;
  return mebibytes < 1024 ? `${Math.round(mebibytes)} MiB` : `${(mebibytes / 1024).toFixed(1)} GiB`;
}

function cut(line: string, width: number): string {
  return line.length <= width ? line : `${line.slice(0, Math.max(0, width - 1))}…`;
}
