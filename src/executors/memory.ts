import { readFile } from "node:fs/promises";
import { freemem } from "node:os";
import { descendantsOf } from "./processes.ts";

const NO_LIMIT = 2 ** 62;

/**
 * Bytes that new processes may use now: what the kernel says is available, or what the container's limit leaves.
 * Linux with cgroup v1 or v2; elsewhere the free memory that the system reports.
 */
export async function availableMemory(): Promise<number> {
  const meminfo = await readOptional("/proc/meminfo");
  const available = Number(/^MemAvailable:\s+(\d+) kB/m.exec(meminfo)?.[1] ?? 0) * 1024 || freemem();
  return Math.min(available, await cgroupHeadroom());
}

async function cgroupHeadroom(): Promise<number> {
  const limit = await cgroupMemory();
  return limit === undefined ? Number.POSITIVE_INFINITY : Math.max(0, limit.bytes - limit.used);
}

/** The container's memory limit; undefined where there is none. `version` of the cgroup interface. */
export async function cgroupMemory(): Promise<{ readonly version: 1 | 2; readonly bytes: number; readonly used: number } | undefined> {
  const files = [
    [2, "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"],
    [1, "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"],
  ] as const;
  for (const [version, limitFile, usageFile] of files) {
    const bytes = Number.parseInt(await readOptional(limitFile), 10);
    const used = Number.parseInt(await readOptional(usageFile), 10);
    // Version 1 says "no limit" with the largest number of pages that there is.
    if (Number.isFinite(bytes) && Number.isFinite(used) && bytes < NO_LIMIT) return { version, bytes, used };
  }
  return undefined;
}

/**
 * Resident bytes of a process and what it has started, with shared pages counted proportionally (PSS); 0 where the system does not
 * tell.
 */
export async function processMemory(pid: number): Promise<number> {
  if (process.platform !== "linux") return 0;
  const sizes = await Promise.all([pid, ...descendantsOf(pid).map((each) => each.pid)].map(proportionalSize));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function proportionalSize(pid: number): Promise<number> {
  const rollup = await readOptional(`/proc/${pid}/smaps_rollup`);
  return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) * 1024;
}

async function readOptional(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch {
    return "";
  }
}
