import type { View } from "./top-view.ts";

const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const CLEAR_LINE = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";

/** Titles, footer and a few models. */
const LEAST_ROWS = 6;

const KEYS = { "\u001b[A": "up", "\u001b[B": "down", "\u001b[5~": "page-up", "\u001b[6~": "page-down" } as const;

/** What somebody pressed; "quit" also for Ctrl-C, which is a key like any other while a terminal is raw. */
export type Key = "quit" | "sort" | (typeof KEYS)[keyof typeof KEYS];

/** The parts of standard output and input that a screen needs. */
export interface ScreenOutput {
  readonly columns: number;
  readonly rows: number;
  write(text: string): unknown;
  on(event: "resize", listener: () => void): unknown;
  off(event: "resize", listener: () => void): unknown;
}

export interface ScreenInput {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
  resume(): unknown;
  pause(): unknown;
  on(event: "data", listener: (chunk: Buffer) => void): unknown;
  off(event: "data", listener: (chunk: Buffer) => void): unknown;
}

export interface Screen {
  /** Replaces everything that is shown; rows before `first` are left out. Returns the first one that is shown: not all can be. */
  show(view: View, first: number): number;
  /** The terminal is again what it was. Twice is once. */
  close(): void;
}

/** Takes the terminal: its second screen, its cursor and its keys, until it is closed. */
export function openScreen(output: ScreenOutput, input: ScreenInput, onKey: (key: Key) => void, onResize: () => void): Screen {
  let open = true;
  const onData = (chunk: Buffer): void => {
    for (const key of keysIn(chunk.toString())) onKey(key);
  };
  const keyboard = input.isTTY === true;
  output.write(ENTER);
  if (keyboard) {
    input.setRawMode?.(true);
    input.on("data", onData);
    input.resume();
  }
  output.on("resize", onResize);
  return {
    show({ head, titles, rows }, wanted) {
      if (!open) return wanted;
      // Of a very low terminal the models get what there is.
      const above = output.rows > head.length + LEAST_ROWS ? [...head, "", titles] : [titles];
      const space = Math.max(0, output.rows - above.length - 1);
      const first = Math.max(0, Math.min(wanted, rows.length - space));
      const shown = rows.slice(first, first + space);
      const place = rows.length > space ? `  ↑↓ scroll  ${first + 1} to ${first + shown.length} of ${rows.length}` : "";
      const lines = [...above, ...(rows.length === 0 ? ["(no models)"] : shown)];
      const text = lines.map((line) => `${line}${CLEAR_LINE}\r\n`).join("");
      output.write(`${HOME}${text}${`q quit  s sort${place}`.slice(0, output.columns)}${CLEAR_BELOW}`);
      return first;
    },
    close() {
      if (!open) return;
      open = false;
      output.off("resize", onResize);
      if (keyboard) {
        input.off("data", onData);
        input.setRawMode?.(false);
        input.pause();
      }
      output.write(LEAVE);
    },
  };
}

function keysIn(text: string): Key[] {
  const keys: Key[] = [];
  for (let at = 0; at < text.length; ) {
    const sequence = Object.keys(KEYS).find((each) => text.startsWith(each, at)) as keyof typeof KEYS | undefined;
    const character = text[at];
    if (sequence !== undefined) keys.push(KEYS[sequence]);
    else if (character === "q" || character === "\u0003") keys.push("quit");
    else if (character === "s") keys.push("sort");
    at += sequence?.length ?? 1;
  }
  return keys;
}
