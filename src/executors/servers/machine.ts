import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { promisify } from "node:util";
import { findLauncherPython, LAUNCHER } from "../launcher.ts";
import { type GroupCandidates, groupCandidatesHere } from "./groups.ts";

/** What servers can have on this machine. */
export interface ServerMachine {
  /** Runs the launcher; without one there are no servers. */
  readonly python: string | undefined;
  /** Why they cannot have namespaces of their own; undefined where they can. */
  readonly problem: string | undefined;
  /** Folders that may become the control groups of a server with this name. */
  readonly groups: (name: string) => GroupCandidates;
}

const ACCELERATORS = /^(?:nvidia|neuron|accel|kfd$|dri$)/;

/** Tried out, once. @param configured the Python of the settings */
export async function probeServers(configured: string | undefined): Promise<ServerMachine> {
  const python = await findLauncherPython(configured);
  const groups = groupCandidatesHere;
  if (python === undefined) {
    const problem = process.platform === "linux" ? "there is no Python 3.7 to run the launcher" : `not on ${process.platform}`;
    return { python, problem, groups };
  }
  try {
    const { stdout } = await promisify(execFile)(python, ["-I", "-S", "-B", LAUNCHER, "--probe-server"], { timeout: 10_000 });
    return { python, problem: stdout.trim() || undefined, groups };
  } catch (error) {
    return { python, problem: `the launcher failed: ${(error as Error).message.trim().split("\n").at(-1)}`, groups };
  }
}

/** Devices below /dev that compute. */
export function accelerators(): string[] {
  try {
    return readdirSync("/dev").filter((name) => ACCELERATORS.test(name));
  } catch {
    return [];
  }
}
