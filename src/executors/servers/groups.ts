import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Folders that may become a server's control groups, the best first; the launcher tries them. */
export interface GroupCandidates {
  readonly memory: readonly GroupCandidate[];
  readonly processors: readonly GroupCandidate[];
}

export interface GroupCandidate {
  /** Of the cgroup interface. */
  readonly version: 1 | 2;
  readonly folder: string;
}

const MOUNT = "/sys/fs/cgroup";
/** What each limit's controller is called. */
const CONTROLLERS = { memory: "memory", processors: "cpu" } as const;

/**
 * Below this process's own groups; in version 2 also beside them, because a group with processes of its own has no limited ones below it
 * (cgroups(7), "no internal processes").
 * @param memberships text of /proc/self/cgroup
 * @param has whether there is such a file or folder
 */
export function groupCandidates(name: string, memberships: string, has: (path: string) => boolean): GroupCandidates {
  const groups = memberships.split("\n").flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    return controllers === undefined || path === undefined ? [] : [{ controllers, path: path.includes("/..") ? "/" : path }];
  });
  const candidatesOf = (limit: keyof typeof CONTROLLERS): GroupCandidate[] => {
    const controller = CONTROLLERS[limit];
    return groups.flatMap(({ controllers, path }): GroupCandidate[] => {
      if (controllers === "" && has(join(MOUNT, "cgroup.controllers"))) return candidates(2, MOUNT, path, [path, dirname(path)], name, has);
      if (!controllers.split(",").includes(controller)) return [];
      const mount = [controllers, controller].map((folder) => join(MOUNT, folder)).find(has);
      // Of a container without a namespace of its own for cgroups, the path is the machine's.
      return mount === undefined ? [] : candidates(1, mount, path, [path, "/"], name, has);
    });
  };
  return { memory: candidatesOf("memory"), processors: candidatesOf("processors") };
}

/** On this machine. */
export function groupCandidatesHere(name: string): GroupCandidates {
  try {
    return groupCandidates(name, readFileSync("/proc/self/cgroup", "utf8"), existsSync);
  } catch {
    return { memory: [], processors: [] };
  }
}

function candidates(
  version: 1 | 2,
  mount: string,
  path: string,
  parents: readonly string[],
  name: string,
  has: (path: string) => boolean,
): GroupCandidate[] {
  const places = [...new Set(path === "/" ? ["/"] : parents)].map((parent) => join(mount, parent)).filter(has);
  return places.map((folder) => ({ version, folder: join(folder, name) }));
}
