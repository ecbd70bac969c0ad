import { join } from "node:path";
import { readOptional } from "./read-optional.ts";

/** The memory limit of the cgroups that the server is in: of all levels the one that leaves least. */
export interface CgroupMemory {
  /** Of the cgroup interface. */
  readonly version: 1 | 2;
  /** Bytes that may be used: the hard limit, or the one above which the kernel slows processes down, whichever is less. */
  readonly bytes: number;
  /** Bytes in use, without file pages that the kernel takes back when it needs them. */
  readonly used: number;
}

/** Where the kernel's files are; tests have trees of their own. */
export interface CgroupFiles {
  /** /proc/self/cgroup: the cgroups of this process. */
  readonly memberships: string;
  /** Where cgroups are mounted. */
  readonly mount: string;
}

const SYSTEM: CgroupFiles = { memberships: "/proc/self/cgroup", mount: "/sys/fs/cgroup" };
/** Version 1 says "no limit" with the largest number of pages that there is. */
const NO_LIMIT = 2 ** 62;

interface Interface {
  readonly version: 1 | 2;
  /** Of the line that names the process's cgroup: `0::/path`, or `7:memory:/path`. */
  readonly isOurs: (controllers: string) => boolean;
  readonly folder: string;
  readonly limits: readonly string[];
  readonly usage: string;
  /** In memory.stat: file pages that have not been used lately, of the cgroup and those below it. */
  readonly reclaimable: string;
}

const INTERFACES: readonly Interface[] = [
  {
    version: 2,
    isOurs: (controllers) => controllers === "",
    folder: "",
    limits: ["memory.max", "memory.high"],
    usage: "memory.current",
    reclaimable: "inactive_file",
  },
  {
    version: 1,
    isOurs: (controllers) => controllers.split(",").includes("memory"),
    folder: "memory",
    limits: ["memory.limit_in_bytes"],
    usage: "memory.usage_in_bytes",
    reclaimable: "total_inactive_file",
  },
];

/**
 * The memory limit that holds for this process; undefined where there is none. A limit may be at any level above it: of a
 * container without a namespace of its own for cgroups the path is the machine's, and its own files are at the mount.
 */
export async function cgroupMemory(files: CgroupFiles = SYSTEM): Promise<CgroupMemory | undefined> {
  const memberships = await readOptional(files.memberships);
  for (const each of INTERFACES) {
    const path = memberships.split("\n").flatMap((line) => {
      const [, controllers, folder] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
      return controllers !== undefined && folder !== undefined && each.isOurs(controllers) ? folder : [];
    })[0];
    const levels = await Promise.all(ancestors(path ?? "/").map((level) => limitAt(each, join(files.mount, each.folder, level))));
    const limits = levels.filter((limit) => limit !== undefined);
    if (limits.length > 0) return limits.reduce((least, limit) => (headroom(limit) < headroom(least) ? limit : least));
  }
  return undefined;
}

/** Bytes that more may be used; 0 when more is used than may be. */
export function headroom({ bytes, used }: CgroupMemory): number {
  return Math.max(0, bytes - used);
}

async function limitAt({ version, limits, usage, reclaimable }: Interface, folder: string): Promise<CgroupMemory | undefined> {
  const [current, stat, ...given] = await Promise.all([usage, "memory.stat", ...limits].map((name) => readOptional(join(folder, name))));
  // "max" is no number.
  const numbers = given.map((text) => Number.parseInt(text, 10)).filter((bytes) => Number.isFinite(bytes) && bytes < NO_LIMIT);
  const all = Number.parseInt(current ?? "", 10);
  if (numbers.length === 0 || !Number.isFinite(all)) return undefined;
  const pages = Number(new RegExp(`^${reclaimable} (\\d+)$`, "m").exec(stat ?? "")?.[1] ?? 0);
  return { version, bytes: Math.min(...numbers), used: Math.max(0, all - pages) };
}

/** "/a/b" → "/a/b", "/a", "/"; a path that leads out of the namespace ("/../x") is as good as its root. */
function ancestors(path: string): string[] {
  const names = path.split("/").filter((name) => name !== "");
  if (names.includes("..")) return ["/"];
  return names.map((_, index) => `/${names.slice(0, names.length - index).join("/")}`).concat("/");
}
