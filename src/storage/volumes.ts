import { isAbsolute, join, relative, resolve } from "node:path";
import { ServeError } from "../core/errors.ts";

/**
 * The local path of pvc://NAME/PATH.
 * @throws ServeError FAILED_PRECONDITION for a volume that is not configured, INVALID_ARGUMENT for a path that leaves it
 */
export function pathInVolume(name: string, path: string, volumes: Readonly<Record<string, string>>): string {
  const root = Object.hasOwn(volumes, name) ? volumes[name] : undefined;
  if (root === undefined) {
    const known = Object.keys(volumes).sort();
    const configured = known.length === 0 ? "no volumes are configured" : `the configured volumes are ${known.join(", ")}`;
    throw new ServeError(
      "FAILED_PRECONDITION",
      `there is no volume ${name}: ${configured}; start the server with --volumes ${name}=/path/to/folder, ` +
        `or with volumes: {${name}: /path/to/folder} in nitrous.yaml, to name the folder that stands for it`,
    );
  }
  const base = resolve(root);
  const target = resolve(join(base, path));
  const inside = relative(base, target);
  if (inside === ".." || inside.startsWith("../") || inside.startsWith("..\\") || isAbsolute(inside)) {
    throw new ServeError("INVALID_ARGUMENT", `pvc://${name}${path} leaves the volume ${name}; take the .. out of the path`);
  }
  return target;
}
