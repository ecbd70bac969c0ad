import { access, readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { EngineKind } from "./found-engine.ts";

/** Controllers of cgroups version 2 on a machine whose others are of version 1. */
const HYBRID = "/sys/fs/cgroup/unified/cgroup.controllers";

/**
 * The runtime to use in the place of podman's own; undefined where that will do. crun starts nothing on a machine that has controllers of
 * both versions of cgroups; runc does.
 */
export async function otherRuntime(engine: EngineKind, own: string, { PATH = "" }: NodeJS.ProcessEnv): Promise<string | undefined> {
  if (engine !== "podman" || own !== "crun") return undefined;
  const controllers = await readFile(HYBRID, "utf8").catch(() => "");
  if (controllers.trim() === "") return undefined;
  const found = await Promise.all(
    PATH.split(delimiter).map((folder) =>
      access(join(folder, "runc")).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true) ? "runc" : undefined;
}
