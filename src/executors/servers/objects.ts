import { readdirSync, readFileSync, statSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Mount, ObjectKey } from "../../core/container.ts";
import { ServeError } from "../../core/errors.ts";

/** The folders of secrets and of config maps, with a file NAMESPACE/NAME/KEY for each key; undefined where the server has none. */
export interface ObjectDirectories {
  readonly secrets: string | undefined;
  readonly configMaps: string | undefined;
}

type ObjectName = Omit<ObjectKey, "key">;
export type ObjectSource = Extract<Mount["source"], { kind: "object" }>;

export interface ObjectFile {
  /** Relative to the folder that it is mounted at. */
  readonly path: string;
  readonly content: Buffer;
}

const TITLES = { secret: "secret", configMap: "config map" } as const;
const SETTINGS = { secret: "secrets-directory", configMap: "config-maps-directory" } as const;
/** What Kubernetes takes for the names of keys; none of them leads elsewhere. */
const NAME = /^(?!\.{1,2}$)[-._A-Za-z0-9]+$/;

/**
 * The bytes of one key; undefined for an optional one that is not there. Values are in no message.
 * @throws ServeError FAILED_PRECONDITION saying which file is missing
 */
export function readKey(key: ObjectKey, optional: boolean, directories: ObjectDirectories): Buffer | undefined {
  const folder = folderOf(key, optional, directories);
  if (folder === undefined) return undefined;
  checkName(key.key, key);
  const file = join(folder, key.key);
  try {
    return readFileSync(file);
  } catch (error) {
    if (isMissing(error) && optional) return undefined;
    const reason = isMissing(error) ? `there is no file ${file}` : (error as Error).message;
    throw new ServeError("FAILED_PRECONDITION", `${titleOf(key)} has no key ${JSON.stringify(key.key)}: ${reason}`);
  }
}

/**
 * All keys of an object; none for an optional one that is not there.
 * @throws ServeError FAILED_PRECONDITION as readKey
 */
export function readObject(of: ObjectName, optional: boolean, directories: ObjectDirectories): ReadonlyMap<string, Buffer> {
  const folder = folderOf(of, optional, directories);
  if (folder === undefined) return new Map();
  try {
    const keys = readdirSync(folder).filter((name) => !name.startsWith("..") && statSync(join(folder, name)).isFile());
    return new Map(keys.sort().map((key) => [key, readFileSync(join(folder, key))]));
  } catch (error) {
    if (isMissing(error) && optional) return new Map();
    const reason = isMissing(error) ? `there is no folder ${folder}` : (error as Error).message;
    throw new ServeError("FAILED_PRECONDITION", `${titleOf(of)} cannot be read: ${reason}`);
  }
}

/** The files of a mounted object. @throws ServeError FAILED_PRECONDITION as readKey, INVALID_ARGUMENT for a path that leaves the mount */
export function objectFiles({ of, items, optional }: ObjectSource, directories: ObjectDirectories): ObjectFile[] {
  if (items === undefined) return [...readObject(of, optional, directories)].map(([path, content]) => ({ path, content }));
  return Object.entries(items).flatMap(([key, path]) => {
    if (path.startsWith("/") || path.split("/").includes("..")) {
      throw new ServeError("INVALID_ARGUMENT", `the path ${JSON.stringify(path)} of key ${JSON.stringify(key)} must stay below its mount`);
    }
    const content = readKey({ ...of, key }, optional, directories);
    return content === undefined ? [] : [{ path, content }];
  });
}

/** Writes the files into a folder, which is made, for whoever owns the folder. */
export async function writeObjectFiles(folder: string, files: readonly ObjectFile[]): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const { path, content } of files) {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content, { mode: 0o600 });
    // A container's user is not the server's; the folder above keeps others out.
    await chmod(file, 0o644);
  }
}

function folderOf(of: ObjectName, optional: boolean, directories: ObjectDirectories): string | undefined {
  for (const name of [of.namespace, of.object]) checkName(name, of);
  const directory = of.kind === "secret" ? directories.secrets : directories.configMaps;
  if (directory !== undefined) return join(directory, of.namespace, of.object);
  if (optional) return undefined;
  const place = `FOLDER/${of.namespace}/${of.object}`;
  const hint = `serve with --${SETTINGS[of.kind]} FOLDER, where ${place} has a file for each key`;
  throw new ServeError("FAILED_PRECONDITION", `${titleOf(of)} cannot be read: the server has no folder for it; ${hint}`);
}

function checkName(name: string, of: ObjectName): void {
  if (NAME.test(name)) return;
  throw new ServeError("INVALID_ARGUMENT", `${titleOf(of)}: ${JSON.stringify(name)} is no name; expected letters, digits, -, _ and .`);
}

function titleOf({ kind, namespace, object }: ObjectName): string {
  return `the ${TITLES[kind]} ${namespace}/${object}`;
}

function isMissing(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "");
}
