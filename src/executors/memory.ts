import { freemem } from "node:os";
import { cgroupMemory, headroom } from "./cgroup.ts";
import { processTree } from "./processes.ts";
import { readOptional } from "./read-optional.ts";

/**
 * Bytes that new processes may use now: what the kernel says is available, or what the limits of the cgroups that this process is in leave.
 * Linux with cgroup v1 or v2; elsewhere the free memory that the system reports.
 */
export async function availableMemory(): Promise<number> {
  const meminfo = await readOptional("/proc/meminfo");
  const available = Number(/^MemAvailable:\s+(\d+) kB/m.exec(meminfo)?.[1] ?? 0) * 1024 || freemem();
  const limit = await cgroupMemory();
  return limit === undefined ? available : Math.min(available, headroom(limit));
}

/**
 * Resident bytes of a process and what it has started, with shared pages counted proportionally (PSS); 0 where the system does not
 * tell.
 */
export async function processMemory(pid: number): Promise<number> {
  if (process.platform !== "linux") return 0;
  const sizes = await Promise.all(processTree(pid).map(proportionalSize));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function proportionalSize(pid: number): Promise<number> {
  const rollup = await readOptional(`/proc/${pid}/smaps_rollup`);
  return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) * 1024;
}
