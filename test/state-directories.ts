import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { JsonObject } from "../src/core/inference.ts";
import type { KeptMeasurement } from "../src/core/measurement.ts";
import type { Resource, ResourceKey } from "../src/core/resource.ts";
import { KEPT_REVISIONS, type ResourceChange, type RevisionRecord, type StoredResource } from "../src/core/resource-store.ts";
import { encodeMeasurement } from "../src/store/measurement-rows.ts";
import { encodeChange } from "../src/store/rows.ts";
import { loadSqlite, SQLITE_MODULES, type SqliteModule } from "../src/store/sqlite.ts";
import { openStateDirectory } from "../src/store/state.ts";

/** The SQLite modules that this Node can load; the package everywhere. */
export const AVAILABLE_MODULES: readonly SqliteModule[] = (
  await Promise.all(
    SQLITE_MODULES.map((module) =>
      loadSqlite(module).then(
        () => [module],
        () => [] as SqliteModule[],
      ),
    ),
  )
).flat();

const root = fileURLToPath(new URL("..", import.meta.url));

/** Directories that go away with `dispose`. */
export function temporaryDirectories(): { readonly make: () => string; readonly dispose: () => void } {
  const made: string[] = [];
  return {
    make() {
      const directory = mkdtempSync(join(tmpdir(), "nitrous-store-"));
      made.push(directory);
      return directory;
    },
    dispose() {
      for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
    },
  };
}

export interface OpenedDirectory {
  readonly restored: readonly StoredResource[];
  readonly epoch: number;
  readonly measurements: readonly KeptMeasurement[];
  commit(...commits: readonly (readonly ResourceChange[])[]): void;
  keep(...measurements: readonly KeptMeasurement[]): void;
  close(): void;
}

/** What a store's thread does, in this one, which is much quicker. */
export async function openHere(directory: string, sqlite?: SqliteModule): Promise<OpenedDirectory> {
  const state = openStateDirectory(directory, await loadSqlite(sqlite), { pid: process.pid, started: "just now" });
  return {
    ...state,
    keep(...measurements) {
      for (const failure of state.commit([measurements.map(encodeMeasurement)])) if (failure !== undefined) throw failure;
    },
    commit(...commits) {
      for (const failure of state.commit(commits.map((changes) => changes.map(encodeChange)))) if (failure !== undefined) throw failure;
    },
  };
}

/** Opens a directory, closes it, and says what was in it. */
export async function restoredIn(directory: string, sqlite?: SqliteModule): Promise<readonly StoredResource[]> {
  const state = await openHere(directory, sqlite);
  state.close();
  return state.restored;
}

export function resource(name: string, spec: JsonObject = {}, uid = `uid-${name}`): Resource {
  const metadata = { name, namespace: "default", uid, generation: 1, resourceVersion: "1", creationTimestamp: "2026-01-01T00:00:00Z" };
  return { apiVersion: "serving.kserve.io/v1beta1", kind: "InferenceService", metadata, spec };
}

export function put(name: string, spec: JsonObject = {}, uid?: string): ResourceChange {
  return { change: "put", resource: resource(name, spec, uid) };
}

export function remove(name: string): ResourceChange {
  return { change: "delete", key: keyOf(name) };
}

export function ready(name: string, generation: number, spec: JsonObject, uid = `uid-${name}`): ResourceChange {
  return { change: "ready", key: keyOf(name), uid, lastReady: { generation, spec } };
}

/** That a revision was rolled out, or what else became of it. */
export function revision(
  name: string,
  generation: number,
  outcome: RevisionRecord["outcome"] = "rolled out",
  uid = `uid-${name}`,
): ResourceChange {
  const record: RevisionRecord = { generation, spec: { generation }, annotations: {}, outcome, time: "2026-01-01T00:00:00Z" };
  return { change: "revision", key: keyOf(name), uid, record };
}

function keyOf(name: string): ResourceKey {
  return { kind: "InferenceService", namespace: "default", name };
}

/** What a store holds after these commits, by its interface's words. */
export function afterCommits(commits: readonly (readonly ResourceChange[])[]): StoredResource[] {
  const stored = new Map<string, StoredResource>();
  for (const change of commits.flat()) {
    const { kind, namespace, name } = change.change === "put" ? { ...change.resource, ...change.resource.metadata } : change.key;
    const key = [kind, namespace ?? "", name].join("/");
    const there = stored.get(key);
    if (change.change === "delete") stored.delete(key);
    else if (change.change === "put") {
      const kept = there?.resource.metadata.uid === change.resource.metadata.uid ? there : undefined;
      stored.set(key, { ...kept, resource: change.resource });
    } else if (there?.resource.metadata.uid !== change.uid) continue;
    else if (change.change === "ready") stored.set(key, { ...there, lastReady: change.lastReady });
    else {
      const others = (there.revisions ?? []).filter(({ generation }) => generation !== change.record.generation);
      const revisions = [...others, change.record].sort((left, right) => left.generation - right.generation);
      stored.set(key, { ...there, revisions: revisions.slice(-KEPT_REVISIONS) });
    }
  }
  return [...stored].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, value]) => value);
}

/** A process that runs a script. */
export interface Child {
  /** The next line that it prints; undefined when it has ended. */
  line(): Promise<string | undefined>;
  kill(): Promise<void>;
  readonly pid: number;
}

export function startChild(body: string, directory: string): Child {
  const child = spawn(process.execPath, childArguments(body, directory), { stdio: ["ignore", "pipe", "inherit"], cwd: root });
  const exited = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const lines = linesOf(child.stdout);
  return {
    pid: child.pid as number,
    line: async () => (await lines.next()).value ?? undefined,
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** For Node, to run `body` with `openStore`, `directory`, `print` and the functions that make changes. */
export function childArguments(body: string, directory: string): string[] {
  const script = `
    import { writeSync } from "node:fs";
    import { openStore } from ${JSON.stringify(new URL("../src/store/index.ts", import.meta.url).href)};
    import { put, remove, ready } from ${JSON.stringify(import.meta.url)};
    const directory = ${JSON.stringify(directory)};
    const print = (line) => writeSync(1, line + "\\n");
    ${body}`;
  return ["--import", "tsx", "--input-type=module", "-e", script];
}

async function* linesOf(stream: AsyncIterable<Buffer>): AsyncGenerator<string, undefined> {
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + chunk.toString()).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  return undefined;
}

/** Numbers from 0 to below 1, the same for the same seed. */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    return state / 2 ** 32;
  };
}
