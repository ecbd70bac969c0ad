import { randomUUID } from "node:crypto";
import { open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { z } from "zod";
import { ServeError } from "../core/errors.ts";

/** The code that the system gave an error, such as ENOENT. */
export function systemCodeOf(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

/** What went wrong when something was written into the cache, for the user; anything but an error of the system is passed on as it is. */
export function diskError(error: unknown, directory: string): unknown {
  if (error instanceof ServeError) return error;
  const code = systemCodeOf(error);
  const options = { cause: error };
  if (code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG") {
    const hint = `there is no space left for the cache ${directory} (${code}); make room there, or put the cache on another disk`;
    return new ServeError("RESOURCE_EXHAUSTED", hint, options);
  }
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    const hint = `the cache ${directory} cannot be written (${code}); give this user the right to, or name another folder for the cache`;
    return new ServeError("PERMISSION_DENIED", hint, options);
  }
  if (code === "EEXIST" || code === "ENOTDIR") {
    return new ServeError("FAILED_PRECONDITION", `the cache ${directory} is not a folder (${code}); name another one`, options);
  }
  return error;
}

/** Puts on disk which names a folder holds. Not every system can; there the system decides when. */
export async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (!["EISDIR", "EPERM", "EACCES", "EINVAL", "ENOTSUP"].includes(systemCodeOf(error) ?? "")) throw error;
  }
}

/** The JSON file's value; undefined when it is missing, damaged or of another shape: all that it says can be found out again. */
export async function readRecord<Value>(path: string, schema: z.ZodType<Value>): Promise<Value | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Replaces a JSON file as a whole: after a crash it holds the old value or the new one. */
export async function writeRecord(path: string, value: unknown): Promise<void> {
  const temporary = `${path}.${randomUUID()}`;
  try {
    const file = await open(temporary, "wx", 0o644);
    try {
      await file.writeFile(JSON.stringify(value));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}
