import { createPaint, type Paint, wantsColour } from "./paint.ts";

/** What a command sees of the world around it. */
export interface Terminal {
  /** To standard output: what was asked for. Lines end with a newline. */
  print(text: string): void;
  /** To standard error, for people: what happens and what went wrong. The newline is added. */
  note(text: string): void;
  readonly paint: Paint;
  /** Columns of the terminal; undefined where the output is no terminal and nothing is cut. */
  readonly width: number | undefined;
  /** Milliseconds since 1970. */
  now(): number;
  /** All of standard input. */
  readInput(): Promise<string>;
}

/** The terminal of this process. A reader that has gone, as `head` does, ends the process quietly. */
export function processTerminal(): Terminal {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
  return {
    print: (text) => void process.stdout.write(text),
    note: (text) => void process.stderr.write(`${text}\n`),
    paint: createPaint(wantsColour(process.stdout, process.env)),
    width: process.stdout.isTTY ? process.stdout.columns : undefined,
    now: () => Date.now(),
    readInput: readStandardInput,
  };
}

async function readStandardInput(): Promise<string> {
  let text = "";
  for await (const chunk of process.stdin.setEncoding("utf8")) text += chunk;
  return text;
}
