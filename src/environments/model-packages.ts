import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { messageOf, ServeError } from "../core/errors.ts";
import { withLock } from "./lock.ts";
import { INSTALLING, run } from "./run.ts";
import { COMPLETE, touch } from "./unused.ts";

/** The part of a package.json that says what to install. */
interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly overrides?: unknown;
}

/**
 * The node_modules with what the package.json in a model's folder depends on, made when it is not there yet; models with equal needs
 * share one. Scripts of packages do not run. Undefined for a folder that asks for nothing, or whose packages somebody has installed.
 * @throws ServeError INVALID_ARGUMENT for a package.json that cannot be read, FAILED_PRECONDITION with the end of npm's output, or the
 * signal's reason
 */
export async function ensureModelPackages(
  environments: string,
  directory: string,
  onProgress: (line: string) => void,
  signal: AbortSignal,
): Promise<string | undefined> {
  const text = await readFile(join(directory, "package.json"), "utf8").catch(() => undefined);
  if (text === undefined || existsSync(join(directory, "node_modules"))) return undefined;
  const manifest = manifestOf(text, directory);
  if (Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }).length === 0) return undefined;
  const wanted = JSON.stringify(manifest);
  // A lock file knows other paths of what lies beside it.
  const lock = wanted.includes('"file:') ? undefined : await readLock(directory);
  const folder = join(environments, hashOf([wanted, lock, process.versions.modules, process.platform, process.arch]));
  const packages = join(folder, "node_modules");
  const isMade = (): boolean => existsSync(join(folder, COMPLETE));
  await touch(folder);
  if (isMade()) return packages;
  const onWait = (): void => onProgress("another nitrous is installing them; waiting");
  await mkdir(environments, { recursive: true });
  await withLock(`${folder}.lock`, { onWait, signal }, async () => {
    if (isMade()) return;
    await rm(folder, { recursive: true, force: true });
    await mkdir(packages, { recursive: true });
    await writeFile(join(folder, "package.json"), wanted);
    if (lock !== undefined) await writeFile(join(folder, "package-lock.json"), lock);
    try {
      await run([...npm(), lock === undefined ? "install" : "ci", "--prefix", folder, ...FLAGS], {
        onLine: onProgress,
        signal,
        niceness: INSTALLING,
      });
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      signal.throwIfAborted();
      const hint = `What it asks for is in its package.json: correct that, or run npm install in ${directory}`;
      throw new ServeError("FAILED_PRECONDITION", `its packages could not be installed; npm says\n${messageOf(error)}\n${hint}`, {
        cause: error,
      });
    }
    await writeFile(join(folder, COMPLETE), JSON.stringify({ requirements: Object.keys(manifest.dependencies ?? {}), warnings: [] }));
  });
  return packages;
}

const FLAGS = ["--ignore-scripts", "--omit=dev", "--install-links", "--no-audit", "--no-fund", "--loglevel=error"];

/** npm as it came with this Node, else the one of the user's path. */
function npm(): string[] {
  const own = resolve(process.execPath, "../../lib/node_modules/npm/bin/npm-cli.js");
  return existsSync(own) ? [process.execPath, own] : ["npm"];
}

function manifestOf(text: string, directory: string): Manifest {
  let manifest: Manifest;
  try {
    manifest = JSON.parse(text) as Manifest;
  } catch (error) {
    throw new ServeError("INVALID_ARGUMENT", `its package.json cannot be read: ${messageOf(error)}`);
  }
  const { dependencies, optionalDependencies, overrides } = manifest;
  return {
    ...(dependencies === undefined ? {} : { dependencies: withPaths(dependencies, directory) }),
    ...(optionalDependencies === undefined ? {} : { optionalDependencies: withPaths(optionalDependencies, directory) }),
    ...(overrides === undefined ? {} : { overrides }),
  };
}

/** Packages that lie beside the model are found from anywhere. */
function withPaths(dependencies: Readonly<Record<string, string>>, directory: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(dependencies).map(([name, wanted]) => {
      const [, path] = /^file:(.*)$/.exec(wanted) ?? [];
      return [name, path === undefined ? wanted : `file:${resolve(directory, path)}`];
    }),
  );
}

async function readLock(directory: string): Promise<string | undefined> {
  return await readFile(join(directory, "package-lock.json"), "utf8").catch(() => undefined);
}

function hashOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 20);
}
