export type JsonObject = Record<string, unknown>;

const MAX_ROWS = 20;

/** An answer of either protocol as a table: one line per row, one column per output. */
export function renderAnswer(answer: JsonObject): string {
  const columns = columnsOf(answer);
  const rows = Math.max(0, ...columns.map(({ cells }) => cells.length));
  const widths = columns.map(({ title, cells }) => Math.max(title.length, ...cells.slice(0, MAX_ROWS).map((cell) => cell.length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => cell.padEnd(widths[index] as number))
      .join("  ")
      .trimEnd();
  const lines = [line(columns.map(({ title }) => title)), line(widths.map((width) => "-".repeat(width)))];
  for (let row = 0; row < Math.min(rows, MAX_ROWS); row++) lines.push(line(columns.map(({ cells }) => cells[row] ?? "")));
  if (rows > MAX_ROWS) lines.push(`… ${rows - MAX_ROWS} more rows (use -o json)`);
  return `${lines.join("\n")}\n`;
}

interface Column {
  readonly title: string;
  readonly cells: readonly string[];
}

function columnsOf(answer: JsonObject): Column[] {
  if (Array.isArray(answer.outputs)) return (answer.outputs as OutputTensor[]).map(tensorColumn);
  const { predictions } = answer;
  if (!Array.isArray(predictions)) return [{ title: "predictions", cells: [show(predictions)] }];
  const [first] = predictions as unknown[];
  if (typeof first !== "object" || first === null || Array.isArray(first)) return [{ title: "predictions", cells: predictions.map(show) }];
  return Object.keys(first).map((title) => ({ title, cells: (predictions as JsonObject[]).map((row) => show(row[title])) }));
}

interface OutputTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data: readonly unknown[];
}

function tensorColumn({ name, datatype, shape, data }: OutputTensor): Column {
  const rows = shape[0] ?? 1;
  const width = rows === 0 ? 0 : data.length / rows;
  const cells = Array.from({ length: rows }, (_, row) =>
    data
      .slice(row * width, (row + 1) * width)
      .map(show)
      .join(", "),
  );
  return { title: `${name} (${datatype} [${shape.join(",")}])`, cells };
}

function show(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}
