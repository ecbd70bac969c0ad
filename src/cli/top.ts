import type { Client } from "./client.ts";
import { CliError } from "./errors.ts";
import { parseOutput, printValue } from "./print-objects.ts";
import type { Terminal } from "./terminal.ts";
import { type Key, openScreen, type ScreenInput, type ScreenOutput } from "./top-screen.ts";
import { type Snapshot, toSnapshot } from "./top-snapshot.ts";
import { SORTS, type Sort, topView } from "./top-view.ts";

export interface TopOptions {
  /** All of them without it. */
  readonly namespace?: string;
  readonly sort?: string;
  /** Seconds between two looks. */
  readonly interval?: string;
  /** One look, then the end. */
  readonly once?: boolean;
  readonly output?: string;
}

/** Where a live table is shown; undefined where standard output is no terminal. */
export interface LiveTerminal {
  readonly output: ScreenOutput;
  readonly input: ScreenInput;
  /** Has `restore` called however the process ends; returns the function that takes it back. */
  onEnd(restore: () => void): () => void;
}

/** `nitrous top`: what every model does now, until somebody ends it. @throws CliError */
export async function topCommand(
  options: TopOptions,
  client: Client,
  terminal: Terminal,
  live: LiveTerminal | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { namespace, once = false } = options;
  const output = parseOutput(options.output, ["json", "yaml"] as const);
  const sort = toSort(options.sort);
  const interval = toInterval(options.interval);
  const query = { namespace };
  const draw = (snapshot: Snapshot, order: Sort, at: Pick<Terminal, "paint" | "width"> = terminal) =>
    topView(snapshot, { sort: order, address: client.server, allNamespaces: namespace === undefined }, at);
  if (namespace !== undefined && output === undefined) await assertModels(client, namespace);
  if (output !== undefined || once) {
    const answer = await client.send("GET", "/nitrous/top", query);
    terminal.print(output === undefined ? linesOf(draw(toSnapshot(answer), sort)) : printValue(answer, output));
    return;
  }
  const ending = new AbortController();
  const lines = client.lines("/nitrous/top", { ...query, watch: "1", interval }, AbortSignal.any([signal, ending.signal]));
  try {
    if (live !== undefined) return await showLive(lines, sort, draw, terminal, live);
    for await (const line of lines) terminal.print(`${linesOf(draw(toSnapshot(JSON.parse(line)), sort))}\n`);
  } finally {
    // Somebody who has quit would wait for the connection.
    ending.abort();
  }
}

/** Nobody would see of an empty table whether its namespace was misspelt. @throws CliError when there are models, and all elsewhere */
async function assertModels(client: Client, namespace: string): Promise<void> {
  const { models } = toSnapshot(await client.send("GET", "/nitrous/top", {}));
  const namespaces = [...new Set(models.map((row) => row.namespace))].sort();
  if (namespaces.length === 0 || namespaces.includes(namespace)) return;
  throw new CliError(`namespace ${namespace} has no models; ${namespaces.join(", ")} ${namespaces.length === 1 ? "has" : "have"} some`);
}

async function showLive(
  lines: AsyncGenerator<string>,
  sorted: Sort,
  draw: (snapshot: Snapshot, sort: Sort, at: Pick<Terminal, "paint" | "width">) => ReturnType<typeof topView>,
  { paint }: Terminal,
  live: LiveTerminal,
): Promise<void> {
  let sort = sorted;
  let first = 0;
  let latest: Snapshot | undefined;
  let quit = (): void => undefined;
  const ended = new Promise<undefined>((resolve) => {
    quit = () => resolve(undefined);
  });
  const redraw = (): void => {
    if (latest === undefined) return;
    first = screen.show(draw(latest, sort, { paint, width: live.output.columns }), first);
  };
  const onKey = (key: Key): void => {
    const page = Math.max(1, live.output.rows - 8);
    if (key === "quit") quit();
    else if (key === "sort") sort = SORTS[(SORTS.indexOf(sort) + 1) % SORTS.length] as Sort;
    else first += { up: -1, down: 1, "page-up": -page, "page-down": page }[key];
    redraw();
  };
  const screen = openScreen(live.output, live.input, onKey, () => redraw());
  const forget = live.onEnd(() => screen.close());
  try {
    for (;;) {
      const next = await Promise.race([lines.next(), ended]);
      if (next === undefined || next.done === true) return;
      latest = toSnapshot(JSON.parse(next.value));
      redraw();
    }
  } finally {
    screen.close();
    forget();
  }
}

function linesOf({ head, titles, rows }: ReturnType<typeof topView>): string {
  const table = rows.length === 0 ? ["(no models)"] : [titles, ...rows];
  return `${[...head, "", ...table].join("\n")}\n`;
}

function toSort(value: string | undefined): Sort {
  const sort = SORTS.find((each) => each === (value ?? "rps"));
  if (sort === undefined) throw new CliError(`--sort ${value}: expected ${SORTS.join(", ")}`, 2);
  return sort;
}

function toInterval(value = "2"): string {
  const seconds = Number(value);
  if (value.trim() !== "" && seconds >= 0.5 && seconds <= 3600) return value;
  throw new CliError(`--interval ${value}: expected seconds from 0.5 to 3600`, 2);
}

/** The terminal that this process has; undefined where its output is none. */
export function processLiveTerminal(): LiveTerminal | undefined {
  if (!process.stdout.isTTY || process.env.TERM === "dumb") return undefined;
  return {
    output: process.stdout,
    input: process.stdin,
    onEnd(restore) {
      const die = (name: NodeJS.Signals): void => {
        restore();
        process.off(name, die);
        // As it would have ended without anybody listening.
        process.kill(process.pid, name);
      };
      const names = ["SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT"] as const;
      for (const name of names) process.on(name, die);
      process.on("exit", restore);
      return () => {
        for (const name of names) process.off(name, die);
        process.off("exit", restore);
      };
    },
  };
}
