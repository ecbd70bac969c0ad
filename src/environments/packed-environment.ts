import { createHash } from "node:crypto";
import { access, constants, mkdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, ServeError } from "../core/errors.ts";
import { withLock } from "./lock.ts";
import { INSTALLING, run } from "./run.ts";
import { COMPLETE, touch } from "./unused.ts";

const OLDEST_MINOR = 9;
const QUESTION = "import sys, numpy; print('%d.%d' % sys.version_info[:2])";

export interface PackedEnvironment {
  /** Its interpreter. */
  readonly python: string;
  /** Where it has been unpacked; undefined for a folder of the user's own. */
  readonly folder: string | undefined;
}

export interface PackedEnvironmentOptions {
  /** Gets a folder for what is unpacked. */
  readonly directory: string;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * An environment that somebody has made elsewhere: an archive of conda-pack (.tar.gz), which is unpacked once, or a folder. It must have
 * `bin/python`, from Python 3.9 on, with numpy.
 * @throws ServeError NOT_FOUND, or FAILED_PRECONDITION that says what it lacks
 */
export async function findPackedEnvironment(path: string, options: PackedEnvironmentOptions): Promise<PackedEnvironment> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw new ServeError("NOT_FOUND", `there is no ${path}, which EXECUTION_ENV_PATH names`);
  const identity = JSON.stringify([path, found.size, found.mtimeMs]);
  const hash = createHash("sha256").update(identity).digest("hex").slice(0, 20);
  const folder = found.isDirectory() ? undefined : join(options.directory, hash);
  if (folder !== undefined) await unpack(path, folder, options);
  const python = join(folder ?? path, "bin", "python");
  await check(python, path);
  return { python, folder };
}

async function unpack(path: string, folder: string, { onProgress, signal }: PackedEnvironmentOptions): Promise<void> {
  const onWait = (): void => onProgress("another nitrous unpacks it; waiting");
  await touch(folder);
  await withLock(`${folder}.lock`, { onWait, signal }, async () => {
    if (await isThere(join(folder, COMPLETE))) return;
    onProgress(`unpacking ${path}`);
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    try {
      await run(["tar", "-xzf", path, "-C", folder], { signal, niceness: INSTALLING });
      const python = join(folder, "bin", "python");
      // It puts the folder's path where files have the path of the machine that they were made on.
      const fix = join(folder, "bin", "conda-unpack");
      if (await isThere(fix)) await run([python, fix], { signal, niceness: INSTALLING });
      await writeFile(join(folder, COMPLETE), JSON.stringify({ path }));
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      signal.throwIfAborted();
      throw new ServeError("FAILED_PRECONDITION", `${path}, which EXECUTION_ENV_PATH names, cannot be unpacked: ${messageOf(error)}`);
    }
  });
}

async function check(python: string, path: string): Promise<void> {
  const unusable = (why: string): ServeError =>
    new ServeError(
      "FAILED_PRECONDITION",
      `the environment ${path}, which EXECUTION_ENV_PATH names, ${why}; expected bin/python of Python 3.${OLDEST_MINOR} or newer with numpy`,
    );
  if (!(await isThere(python, constants.X_OK))) throw unusable("has no bin/python that can be started");
  const version = await run([python, "-c", QUESTION]).catch((error: unknown) => {
    throw unusable(`cannot be used: ${messageOf(error).trim().split("\n").at(-1)?.trim()}`);
  });
  const [major = 0, minor = 0] = version.trim().split(".").map(Number);
  if (major !== 3 || minor < OLDEST_MINOR) throw unusable(`has Python ${version.trim()}`);
}

async function isThere(path: string, mode = constants.F_OK): Promise<boolean> {
  return await access(path, mode).then(
    () => true,
    () => false,
  );
}
