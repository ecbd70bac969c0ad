import { readFileSync } from "node:fs";

/** A process and everything that it started, by pid. Linux. */
export function processTree(pid: number): number[] {
  let children: number[] = [];
  try {
    children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
  return [pid, ...children.flatMap(processTree)];
}

const TICKS_PER_SECOND = 100;

/** User and system milliseconds that the processes have used since they started. */
export function cpuMilliseconds(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) ticks += ticksOf(readFileSync(`/proc/${pid}/stat`, "utf8"));
  return (ticks * 1000) / TICKS_PER_SECOND;
}

/** utime and stime of a line of /proc/PID/stat; the name in parentheses may hold anything. */
export function ticksOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

/** Resident bytes, shared pages counted proportionally. */
export function memoryBytes(pids: readonly number[]): number {
  let total = 0;
  for (const pid of pids) total += Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0) * 1024;
  return total;
}
