import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { LAUNCHER } from "../launcher.ts";

/** Ways to confine a host, the strongest first; bwrap confines like namespaces and costs twice the start. */
const LEVELS = ["namespaces", "bwrap", "landlock"] as const;
export type Level = (typeof LEVELS)[number];

/** A level that works on this machine, or why it does not. */
export interface LevelReport {
  readonly level: Level;
  /** Undefined when it works. */
  readonly problem: string | undefined;
}

export interface Mechanisms {
  readonly levels: readonly LevelReport[];
  /** Of the kernel's interface; 0 for none. */
  readonly landlockVersion: number;
}

interface Probe {
  readonly landlock: number;
  readonly seccomp: boolean;
  /** Why they do not work. */
  readonly namespaces: string | null;
}

const run = promisify(execFile);

/** Tries every level once; `python` runs the launcher. */
export async function probeMechanisms(python: string | undefined): Promise<Mechanisms> {
  if (python === undefined) {
    const problem = process.platform === "linux" ? "there is no Python to run the launcher" : `not on ${process.platform}`;
    return { levels: LEVELS.map((level) => ({ level, problem })), landlockVersion: 0 };
  }
  const [probe, bwrap] = await Promise.all([probeLauncher(python), probeBwrap()]);
  return mechanismsOf(probe, bwrap);
}

/** `probe`: what the launcher says, or why it could not; `bwrap`: why that does not work. */
export function mechanismsOf(probe: Probe | string, bwrap: string | undefined): Mechanisms {
  if (typeof probe === "string") return { levels: LEVELS.map((level) => ({ level, problem: probe })), landlockVersion: 0 };
  const filter = probe.seccomp ? undefined : "the kernel or the processor has no seccomp filter that nitrous knows";
  const problems: Record<Level, string | undefined> = {
    bwrap: filter ?? bwrap,
    namespaces: filter ?? probe.namespaces ?? undefined,
    landlock: filter ?? (probe.landlock > 0 ? undefined : "the kernel has no Landlock"),
  };
  return { levels: LEVELS.map((level) => ({ level, problem: problems[level] })), landlockVersion: probe.landlock };
}

/** The strongest level that works; undefined where none does. */
export function strongest({ levels }: Mechanisms): Level | undefined {
  return levels.find(({ problem }) => problem === undefined)?.level;
}

async function probeLauncher(python: string): Promise<Probe | string> {
  try {
    const { stdout } = await run(python, ["-I", "-S", "-B", LAUNCHER, "--probe"], { timeout: 10_000 });
    return JSON.parse(stdout) as Probe;
  } catch (error) {
    return `the launcher failed: ${lastLine(error)}`;
  }
}

async function probeBwrap(): Promise<string | undefined> {
  try {
    await run("bwrap", ["--unshare-all", "--die-with-parent", "--cap-drop", "ALL", "--ro-bind", "/", "/", "--proc", "/proc", "true"], {
      timeout: 10_000,
    });
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? "bwrap is not installed" : lastLine(error);
  }
}

function lastLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message: string };
  return (stderr?.trim() || message).split("\n").at(-1) as string;
}
