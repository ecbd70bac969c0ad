import { spawn } from "node:child_process";
import { ServeError } from "../../core/errors.ts";
import { followLines } from "../lines.ts";
import type { EngineCommand } from "./found-engine.ts";

export interface EngineRun {
  /** Milliseconds; without it a command may take as long as it likes. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** Beside the engine's own variables. */
  readonly variables?: Readonly<Record<string, string>>;
  readonly onLine?: (line: string) => void;
}

export interface EngineResult {
  readonly code: number;
  /** The end of what it printed on standard output, and on standard error. */
  readonly output: string;
  readonly errors: string;
}

/** Characters that are kept of what a command prints. */
const KEPT = 64 * 1024;

/**
 * Runs one command of an engine to its end.
 * @throws ServeError NOT_FOUND when there is no such program, UNAVAILABLE when it takes too long; the signal's reason when aborted
 */
export function runEngine(
  { kind, environment }: EngineCommand,
  words: readonly string[],
  { timeoutMs, signal, variables, onLine }: EngineRun = {},
): Promise<EngineResult> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const child = spawn(kind, words, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...environment, LC_ALL: "C", ...variables },
      // Signals to the server's group, such as Ctrl-C in a terminal, are for the server alone.
      detached: true,
    });
    let output = "";
    let errors = "";
    let isLate = false;
    child.stdout.on("data", (text: string) => {
      output = (output + text).slice(-KEPT);
    });
    child.stderr.on("data", (text: string) => {
      errors = (errors + text).slice(-KEPT);
    });
    // Also makes texts of what comes.
    for (const stream of [child.stdout, child.stderr]) followLines(stream, (line) => line.trim() !== "" && onLine?.(line.trim()));
    const kill = (): boolean => child.kill("SIGKILL");
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => (isLate = kill()), timeoutMs);
    signal?.addEventListener("abort", kill, { once: true });
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", kill);
      settle();
    };
    child.once("error", (error: NodeJS.ErrnoException) => {
      if (child.pid !== undefined) return;
      const code = error.code === "ENOENT" ? "NOT_FOUND" : "FAILED_PRECONDITION";
      end(() => reject(new ServeError(code, `could not run ${kind}: ${error.message}`)));
    });
    child.once("close", (code, killed) => {
      end(() => {
        if (child.pid === undefined) return;
        if (signal?.aborted) reject(signal.reason);
        else if (isLate)
          reject(
            new ServeError(
              "UNAVAILABLE",
              `${kind} ${words.find((word) => !word.startsWith("-"))} did not end in ${(timeoutMs ?? 0) / 1000} s`,
            ),
          );
        else resolve({ code: code ?? 1, output, errors: killed === null ? errors : `${errors}\nkilled by ${killed}` });
      });
    });
  });
}
