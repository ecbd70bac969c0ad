import { spawn } from "node:child_process";
import { setPriority } from "node:os";
import { createInterface } from "node:readline";

const TAIL_LINES = 20;

/** A command that failed, with the end of what it printed. */
class CommandError extends Error {
  constructor(command: readonly string[], how: string, tail: readonly string[]) {
    super([`${command.join(" ")} ${how}`, ...tail.map((line) => `  ${line}`)].join("\n"));
    this.name = "CommandError";
  }
}

export interface RunOptions {
  readonly onLine?: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
  readonly environment?: Readonly<Record<string, string>>;
  /** How far it is behind others that want the processors, as setpriority(2) has it. */
  readonly niceness?: number;
}

/** For what makes environments: models are served meanwhile. */
export const INSTALLING = 10;

/**
 * Runs a command to its end and returns what it printed on standard output.
 * @throws CommandError when it cannot be started or does not exit with 0; the signal's reason, once the command is gone, when aborted
 */
export function run(command: readonly string[], { onLine, signal, environment, niceness }: RunOptions = {}): Promise<string> {
  const [file = "", ...rest] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(file, rest, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...environment },
      ...(signal === undefined ? {} : { signal }),
    });
    if (niceness !== undefined && child.pid !== undefined) lowerPriority(child.pid, niceness);
    const tail: string[] = [];
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        tail.push(line);
        if (tail.length > TAIL_LINES) tail.shift();
        if (line.trim() !== "") onLine?.(line.trim());
      });
    }
    child.on("error", (error) => {
      // An aborted command has been told to end, and is not gone before it closes.
      if (child.pid === undefined) reject(new CommandError(command, `could not run: ${error.message}`, []));
    });
    child.on("close", (code, killed) => {
      if (code === 0) resolve(output);
      else if (signal?.aborted) reject(signal.reason);
      else reject(new CommandError(command, killed === null ? `ended with code ${code}` : `was killed by ${killed}`, tail));
    });
  });
}

function lowerPriority(pid: number, niceness: number): void {
  try {
    setPriority(pid, niceness);
  } catch {
    // It has ended, or the system has no priorities.
  }
}
