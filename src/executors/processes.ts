import { readdirSync, readFileSync } from "node:fs";
import { readOptionalSync } from "./read-optional.ts";

/** A process that no later one can be taken for, as long as the machine runs: pids are used again, with another start time. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from the start of the machine to that of the process, as in /proc/PID/stat. */
  readonly start: string;
}

/** Fields of /proc/PID/stat after the command, which may hold anything. */
const PARENT = 1;
const START = 19;

/** Undefined when there is no such process, or on systems without /proc. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  const start = statOf(pid)?.[START];
  return start === undefined ? undefined : { pid, start };
}

export function isRunning({ pid, start }: ProcessIdentity): boolean {
  return identityOf(pid)?.start === start;
}

/** The identities of all processes below one, the nearest first. */
export function descendantsOf(ancestor: number): ProcessIdentity[] {
  const children = new Map<number, ProcessIdentity[]>();
  for (const name of readdirSync("/proc")) {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : undefined;
    const parent = Number(stat?.[PARENT]);
    const start = stat?.[START];
    if (start !== undefined) children.set(parent, [...(children.get(parent) ?? []), { pid: Number(name), start }]);
  }
  const found = [...(children.get(ancestor) ?? [])];
  // The array grows while it is walked.
  for (const { pid } of found) found.push(...(children.get(pid) ?? []));
  return found;
}

/** Those that were started with a variable whose value begins with this path and goes on below it. */
export function processesNaming(folder: string): ProcessIdentity[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.flatMap((name) => {
    if (!readOptionalSync(`/proc/${name}/environ`).includes(`=${folder}/`)) return [];
    return identityOf(Number(name)) ?? [];
  });
}

/** The pids of all processes below one, without a look at any other: a machine may have thousands. */
export function pidsBelow(ancestor: number): number[] {
  const found = childrenOf(ancestor) ?? descendantsOf(ancestor).map(({ pid }) => pid);
  // The array grows while it is walked.
  for (const pid of found) for (const child of childrenOf(pid) ?? []) if (!found.includes(child)) found.push(child);
  return found;
}

/** The ids of a process's threads. */
export function threadsOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch {
    return [];
  }
}

/** Undefined where the kernel was built without this list, see proc_pid_children(5), and when there is no such process. */
function childrenOf(pid: number): number[] | undefined {
  const threads = threadsOf(pid);
  if (threads.length === 0) return undefined;
  try {
    const lists = threads.map((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8"));
    return lists.flatMap((list) => list.split(" ").filter(Boolean).map(Number));
  } catch {
    return undefined;
  }
}

/** A process and all below it; none for 0, which is no process yet. */
export function processTree(pid: number): number[] {
  if (pid === 0) return [];
  return [pid, ...(process.platform === "linux" ? pidsBelow(pid) : [])];
}

/** What tells one run of the machine from the next: pids and start times begin anew. Empty where the system does not tell. */
export function bootId(): string {
  return readOptionalSync("/proc/sys/kernel/random/boot_id").trim();
}

function statOf(pid: number): string[] | undefined {
  const text = readOptionalSync(`/proc/${pid}/stat`);
  return text === "" ? undefined : text.slice(text.lastIndexOf(")") + 2).split(" ");
}
