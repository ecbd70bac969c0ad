import { existsSync } from "node:fs";
import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import { pythonOf } from "./install.ts";
import { run } from "./run.ts";

/** Inside of the folder with compiled modules, written last. */
const COMPLETE = "complete";
/** A server that ends soon after its models have loaded has nothing of it. */
const AFTER_MS = 60_000;

/**
 * Compiles the modules of environments, each once and without running any of them. Hosts that are confined may not share what they
 * compile: without this, each model's first start would compile the whole framework.
 */
export class Bytecode {
  readonly #clock: Clock | undefined;
  readonly #packages: readonly string[];
  readonly #timers = new Map<string, () => void>();
  readonly #controller = new AbortController();
  #compiling: Promise<void> = Promise.resolve();

  /**
   * @param clock without one nothing is compiled later: for whoever does not stay
   * @param packages folders whose modules are compiled along: the host's own
   */
  constructor(clock: Clock | undefined, packages: readonly string[]) {
    this.#clock = clock;
    this.#packages = packages;
  }

  /** The folder with the compiled modules of an environment, for PYTHONPYCACHEPREFIX; undefined as long as there is none. */
  of(folder: string): string | undefined {
    const compiled = join(folder, "bytecode");
    return existsSync(join(compiled, COMPLETE)) ? compiled : undefined;
  }

  /** Has the environment compiled in a while, one after the other and with what the processors have left. */
  compileLater(folder: string): void {
    if (this.#clock === undefined || this.#timers.has(folder) || this.of(folder) !== undefined) return;
    const cancel = this.#clock.after(AFTER_MS, () => {
      this.#compiling = this.#compiling.then(() => this.compile(folder)).catch(() => undefined);
    });
    this.#timers.set(folder, cancel);
  }

  /** @throws the signal's reason when this is closed */
  async compile(folder: string): Promise<void> {
    const { signal } = this.#controller;
    signal.throwIfAborted();
    const partial = join(folder, "bytecode.partial");
    await rm(partial, { recursive: true, force: true });
    const places = [join(folder, "venv", "lib"), ...this.#packages];
    const command = ["nice", "-n", "19", pythonOf(folder), "-m", "compileall", "-q", ...places];
    // It fails when any file cannot be compiled, as templates and files for other versions of Python.
    await run(command, { signal, environment: { PYTHONPYCACHEPREFIX: partial } }).catch(() => undefined);
    signal.throwIfAborted();
    await writeFile(join(partial, COMPLETE), "");
    await rm(join(folder, "bytecode"), { recursive: true, force: true });
    await rename(partial, join(folder, "bytecode"));
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#controller.abort(new Error("the server stops"));
    for (const cancel of this.#timers.values()) cancel();
    await this.#compiling;
  }
}
