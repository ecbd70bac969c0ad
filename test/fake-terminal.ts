import { createPaint } from "../src/cli/paint.ts";
import type { Terminal } from "../src/cli/terminal.ts";

export interface FakeTerminal extends Terminal {
  /** Everything printed to standard output. */
  readonly out: () => string;
  /** Everything said on standard error. */
  readonly err: () => string;
}

interface FakeTerminalOptions {
  readonly colour?: boolean;
  readonly width?: number;
  readonly input?: string;
  /** RFC 3339. */
  readonly now?: string;
  /** Called with each text that is printed or noted. */
  readonly onText?: (text: string) => void;
}

/** Keeps what a command says. */
export function fakeTerminal({
  colour = false,
  width,
  input = "",
  now = "2026-01-01T00:05:00Z",
  onText,
}: FakeTerminalOptions = {}): FakeTerminal {
  let out = "";
  let err = "";
  return {
    print(text) {
      out += text;
      onText?.(text);
    },
    note(text) {
      err += `${text}\n`;
      onText?.(text);
    },
    paint: createPaint(colour),
    width,
    now: () => Date.parse(now),
    readInput: () => Promise.resolve(input),
    out: () => out,
    err: () => err,
  };
}
