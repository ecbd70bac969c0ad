import { readdir } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { closestNames } from "../core/closest.ts";
import { ServeError } from "../core/errors.ts";
import { systemCodeOf } from "./disk.ts";

const MAX_SHOWN = 10;

/** The error for a path that does not exist: where it ends to exist, and what is there instead. */
export async function notFound(path: string): Promise<ServeError> {
  const [folder, name, found] = await deepestFolder(path);
  const missing = `there is no ${path}`;
  if (found === "file") return new ServeError("NOT_FOUND", `${missing}: ${folder} is a file, not a folder`);
  if (found === "hidden") return new ServeError("NOT_FOUND", `${missing}, or this user may not see it: ${folder} cannot be listed`);
  if (found.length === 0) return new ServeError("NOT_FOUND", `${missing}: the folder ${folder} is empty`);
  const near = closestNames(name, found);
  if (near.length > 0) return new ServeError("NOT_FOUND", `${missing}; did you mean ${near.join(" or ")} in ${folder}?`);
  return new ServeError("NOT_FOUND", `${missing}: the folder ${folder} holds no ${name}, only ${listed(found)}`);
}

async function deepestFolder(
  path: string,
): Promise<readonly [folder: string, missing: string, found: readonly string[] | "file" | "hidden"]> {
  let missing = basename(path);
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    try {
      return [folder, missing, (await readdir(folder)).sort()];
    } catch (error) {
      const code = systemCodeOf(error);
      if (code !== "ENOENT" && code !== "ENOTDIR") return [folder, missing, "hidden"];
      // Below a file everything is "not a folder"; the file itself is found on the way up.
      if (code === "ENOTDIR" && (await isListed(folder))) return [folder, missing, "file"];
      if (dirname(folder) === folder) return [folder, missing, "hidden"];
      missing = basename(folder);
    }
  }
}

async function isListed(path: string): Promise<boolean> {
  const siblings = await readdir(dirname(path)).catch((): string[] => []);
  return siblings.includes(basename(path));
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, MAX_SHOWN).join(", ");
  return names.length > MAX_SHOWN ? `${shown} and ${names.length - MAX_SHOWN} more` : shown;
}
