import { type ChildProcess, spawn } from "node:child_process";
import type { FoundEngine } from "./found-engine.ts";
import { PROCESS_LABEL, processLabel } from "./ownership.ts";

/** Its standard input ends when the server does, however that ends. */
const SCRIPT = 'read -r _; ids=$("$0" ps --all --quiet --filter "label=$1"); [ -z "$ids" ] || exec "$0" rm --force --volumes $ids';

/**
 * A small process that outlives the server and removes its containers at once when it was killed; what it cannot remove, because it
 * was killed too, the next start does.
 */
export class Reaper {
  readonly #processes = new Map<string, ChildProcess>();

  /** There is one for each engine, from the first container on. */
  watch({ kind, environment }: FoundEngine): void {
    if (this.#processes.has(kind)) return;
    const words = ["-c", SCRIPT, kind, `${PROCESS_LABEL}=${processLabel()}`];
    const child = spawn("/bin/sh", words, { stdio: ["pipe", "ignore", "ignore"], env: environment, detached: true });
    this.#processes.set(kind, child);
    child.once("error", () => this.#processes.delete(kind));
    child.once("exit", () => this.#processes.delete(kind));
    child.stdin.on("error", () => undefined);
    // The server ends without waiting for it.
    child.unref();
    (child.stdin as unknown as { unref(): void }).unref();
  }

  /** The server has removed everything by itself. */
  close(): void {
    for (const child of this.#processes.values()) child.kill("SIGKILL");
  }
}
