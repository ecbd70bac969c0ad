import { readdirSync, readFileSync } from "node:fs";

/** Of one process below the server, from /proc. */
export interface Descendant {
  readonly pid: number;
  readonly parent: number;
  readonly zombie: boolean;
  readonly command: string;
}

/** All processes below one, itself not included. */
export function descendants(pid: number): Descendant[] {
  const children = filesOf(`/proc/${pid}/task`).flatMap((task) => {
    const text = readOrEmpty(`/proc/${pid}/task/${task}/children`).trim();
    return text === "" ? [] : text.split(" ").map(Number);
  });
  return children.flatMap((child) => {
    const command = readOrEmpty(`/proc/${child}/cmdline`).replaceAll("\0", " ").trim();
    const zombie = /^State:\s+Z/m.test(readOrEmpty(`/proc/${child}/status`));
    return [{ pid: child, parent: pid, zombie, command }, ...descendants(child)];
  });
}

/** Processes that are no host, do not lead to one and come from none: what a killed host has left. */
export function strays(all: readonly Descendant[], hosts: ReadonlySet<number>): Descendant[] {
  const parents = new Map(all.map(({ pid, parent }) => [pid, parent]));
  const belonging = new Set<number>();
  for (const { pid } of all) {
    const line: number[] = [];
    for (let at: number | undefined = pid; at !== undefined && parents.has(at); at = parents.get(at)) line.push(at);
    if (line.some((each) => hosts.has(each))) for (const each of line) belonging.add(each);
  }
  return all.filter(({ pid }) => !belonging.has(pid));
}

export function residentMebibytes(pid: number): number {
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readOrEmpty(`/proc/${pid}/status`))?.[1]) / 1024);
}

export function openFiles(pid: number): number {
  return filesOf(`/proc/${pid}/fd`).length;
}

/** A process may end while it is looked at. */
function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function filesOf(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
