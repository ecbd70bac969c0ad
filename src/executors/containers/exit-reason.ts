import { constants } from "node:os";

/** What an engine says of a container that has ended. */
export interface EndedState {
  /** "exited"; "created" or "initialized" for one whose program never ran. */
  readonly status: string;
  readonly exitCode: number;
  readonly outOfMemory: boolean;
  /** The engine's own words. */
  readonly error: string;
}

export const ENDED_FORMAT = "{{.State.Status}}|{{.State.ExitCode}}|{{.State.OOMKilled}}|{{.State.Error}}";
const SIGNAL_BASE = 128;
const KILLED = SIGNAL_BASE + constants.signals.SIGKILL;

/** Reads what ENDED_FORMAT prints; undefined for anything else. */
export function parseEnded(output: string): EndedState | undefined {
  const [, status, code, outOfMemory, error] = /^(\w+)\|(-?\d+)\|(true|false)\|([^\n]*)/.exec(output.trim()) ?? [];
  if (status === undefined) return undefined;
  return { status, exitCode: Number(code), outOfMemory: outOfMemory === "true", error: error === "<nil>" ? "" : (error ?? "") };
}

/** A sentence that says how a container ended by itself. `memoryLimit` in bytes. */
export function exitReason({ status, exitCode, outOfMemory, error }: EndedState, memoryLimit: number | undefined): string {
  if (["created", "initialized", "configured"].includes(status)) return `could not start: ${error || "its engine does not say why"}`;
  const limit = memoryLimit === undefined ? "" : ` of ${Math.round(memoryLimit / 2 ** 20)} MiB`;
  if (outOfMemory) return `was killed because it used more memory than its limit${limit} (exit code ${exitCode})`;
  if (exitCode === KILLED) {
    // Not every engine and kernel tell; the code is the same.
    const likely =
      memoryLimit === undefined ? "the machine may have had no memory left" : `it most likely used more memory than its limit${limit}`;
    return `was killed by SIGKILL (exit code ${exitCode}): ${likely}`;
  }
  const signal = Object.entries(constants.signals).find(([, number]) => exitCode === SIGNAL_BASE + number)?.[0];
  return signal === undefined ? `exited with code ${exitCode}` : `was ended by ${signal} (exit code ${exitCode})`;
}
