import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("../../python/tests/fuzz_reader.py", import.meta.url));
const PACKAGES = fileURLToPath(new URL("../../python", import.meta.url));
const PATIENCE_MS = 20_000;

export interface Reading {
  /** What was read; null for what was refused. */
  readonly value: unknown;
  /** What must not happen, when it has. */
  readonly finding?: string;
}

/** The Python side of the codecs and the pickle gate in a process of its own, which is started again when an input ends it. */
export class PythonReader {
  readonly #python: string;
  #child: ChildProcessWithoutNullStreams | undefined;
  #lines: Interface | undefined;

  constructor(python: string) {
    this.#python = python;
  }

  async ask(kind: "frames" | "pickle", input: Uint8Array): Promise<Reading> {
    const { child, lines } = this.#started();
    return await new Promise<Reading>((resolve) => {
      const finish = (reading: Reading): void => {
        clearTimeout(timer);
        lines.off("line", onLine);
        child.off("exit", onExit);
        resolve(reading);
      };
      const onLine = (line: string): void => finish(JSON.parse(line) as Reading);
      const onExit = (code: number | null, signal: string | null): void => {
        this.#child = undefined;
        finish({ value: null, finding: `the interpreter ended with ${signal ?? code}` });
      };
      const timer = setTimeout(() => {
        child.off("exit", onExit);
        this.close();
        finish({ value: null, finding: `no answer in ${PATIENCE_MS} ms` });
      }, PATIENCE_MS);
      lines.once("line", onLine);
      child.once("exit", onExit);
      child.stdin.write(`${kind} ${Buffer.from(input).toString("base64")}\n`);
    });
  }

  close(): void {
    this.#child?.kill("SIGKILL");
    this.#child = undefined;
  }

  #started(): { child: ChildProcessWithoutNullStreams; lines: Interface } {
    if (this.#child === undefined || this.#lines === undefined) {
      this.#child = spawn(this.#python, [SCRIPT], {
        env: { PATH: process.env.PATH ?? "", PYTHONPATH: PACKAGES, PYTHONDONTWRITEBYTECODE: "1" },
      });
      this.#lines = createInterface({ input: this.#child.stdout });
      this.#child.stdin.on("error", () => undefined);
      this.#child.stderr.resume();
    }
    return { child: this.#child, lines: this.#lines };
  }
}

/** A Python with scikit-learn among the environments that nitrous has made here; undefined when there is none. */
export function findPython(): string | undefined {
  const environments = join(process.env.NITROUS_CACHE_DIR || join(homedir(), ".nitrous"), "environments");
  if (!existsSync(environments)) return undefined;
  for (const name of readdirSync(environments)) {
    const python = join(environments, name, "venv/bin/python");
    const libraries = join(environments, name, "venv/lib");
    if (!existsSync(python) || !existsSync(libraries)) continue;
    const hasFramework = readdirSync(libraries).some((version) => existsSync(join(libraries, version, "site-packages/sklearn")));
    if (hasFramework) return python;
  }
  return undefined;
}
