import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { HostSpec } from "../../core/executor.ts";
import { launched } from "../launcher.ts";
import { TEMPORARY_PREFIX } from "../process-record.ts";
import type { Level } from "./mechanisms.ts";
import { programView } from "./view.ts";

export interface Confinement {
  readonly level: Level;
  /** Paths that the host may read besides what every host needs. */
  readonly readable: readonly string[];
  /** Folders that it may write to besides its own temporary one. */
  readonly writable: readonly string[];
  /** Bytes that the host and what it starts may use together. */
  readonly memory: number;
}

/** Python that runs the launcher, and where compiled modules of the launcher are kept. */
export interface LauncherOptions {
  readonly python: string;
  readonly bytecodeDirectory: string;
}

/** The host below a launcher that confines it, with a temporary folder that is its home too and goes with it. */
export function confined(spec: HostSpec, { level, readable, writable, memory }: Confinement, launcher: LauncherOptions): HostSpec {
  const temporary = join(resolve(tmpdir()), `${TEMPORARY_PREFIX}${randomUUID()}`);
  const all = Object.entries({ ...spec.environment, TMPDIR: temporary, HOME: temporary });
  const plan = {
    level,
    temporary,
    readable: [...new Set([...programView(spec.command), ...programView(launcher.python), ...readable])],
    writable,
    environment: Object.fromEntries(all.filter(([name]) => isForLinker(name))),
    memory,
  };
  const below = launched(spec, launcher.python, launcher.bytecodeDirectory, ["--confine", JSON.stringify(plan)]);
  return { ...below, temporary, environment: Object.fromEntries(all.filter(([name]) => !isForLinker(name))) };
}

/** Variables that load code into any program, and the launcher is not confined. */
function isForLinker(name: string): boolean {
  return name.startsWith("LD_") || name === "GLIBC_TUNABLES";
}
