import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { BackendPlace, BackendQuestion, BackendServers } from "../../core/backend-servers.ts";
import { ask as askMachine } from "../ask.ts";
import { findProgram } from "../find-program.ts";
import { programsDirectory } from "../install-program.ts";
import type { Ask } from "../server-program.ts";
import { backendServer } from "./backend-server.ts";
import { otherWay } from "./other-ways.ts";
import { TRITON } from "./program.ts";

/** When a real tritonserver serves models of a repository: "auto" when this server lacks their backend, "off" never, or for these backends too. */
export type TritonServerRule = "auto" | "off" | { readonly alwaysFor: readonly string[] };

export interface TritonBackendsOptions {
  /** The cache folder. */
  readonly cacheDirectory: string;
  readonly rule: TritonServerRule;
  readonly path?: string;
  readonly ask?: Ask;
}

/** Besides the folders of backends a server may have, where Triton's images have them. */
const USUAL_FOLDER = "/opt/tritonserver/backends";
/** Named by {@link TritonServerRule} for every backend. */
const ALL = "all";

interface RealServer {
  readonly title: string;
  readonly folder: string;
  /** Names of its backends, sorted. */
  readonly backends: readonly string[];
}

/** Serves what this server has no backend for by the tritonserver of this machine, when that has it. */
export function createTritonBackends({
  cacheDirectory,
  rule,
  path = process.env.PATH ?? "",
  ask = askMachine,
}: TritonBackendsOptions): BackendServers {
  return {
    async placeOf(question) {
      const { backend, isOwn, modelName } = question;
      if (isOwn && !isForced(rule, backend)) return { kind: "own" };
      if (rule === "off") return nowhere(question, "and --triton-server off keeps a real tritonserver from being started for it");
      const server = await realServer(cacheDirectory, path, ask);
      if (server === undefined) return nowhere(question, whyNone(backend));
      if (!server.backends.includes(backend)) return nowhere(question, whyNotThere(server));
      return { kind: "server", upstream: backendServer(modelName) };
    },
  };
}

function isForced(rule: TritonServerRule, backend: string): boolean {
  return typeof rule === "object" && (rule.alwaysFor.includes(backend) || rule.alwaysFor.includes(ALL));
}

async function nowhere(question: BackendQuestion, why: string): Promise<BackendPlace> {
  const { backend, modelName, isOwn } = question;
  const what = isOwn
    ? `--triton-server wants a real tritonserver for the backend '${backend}' of model '${modelName}'`
    : `nitrous has no backend '${backend}' of its own, which model '${modelName}' needs`;
  const other = isOwn ? undefined : await otherWay(question);
  return { kind: "nowhere", reason: `${what}, ${why}${other === undefined ? "" : `; ${other}`}` };
}

function whyNone(backend: string): string {
  const where = "and there is no tritonserver on the PATH, and none was installed";
  if (backend === "python") return `${where}; install one with: nitrous runtimes install triton`;
  const installed = "the one that 'nitrous runtimes install triton' brings has the backend python only";
  return `${where}; put one that has it, with its folder of backends, on the PATH (${installed})`;
}

function whyNotThere({ title, folder, backends }: RealServer): string {
  const has = backends.length === 0 ? "none" : backends.join(", ");
  return `and ${title} has it not either (in ${folder}: ${has}); put the backend's folder there, or a tritonserver that has it on the PATH`;
}

async function realServer(cacheDirectory: string, path: string, ask: Ask): Promise<RealServer | undefined> {
  const found = await findProgram(TRITON, { directory: programsDirectory(cacheDirectory), path, ask });
  if (found === undefined) return undefined;
  const given = found.launch.arguments?.map((word) => /^--backend-directory=(.+)$/.exec(word)?.[1]).find((each) => each !== undefined);
  const folder = given ?? (await firstFolder([join(dirname(found.file), "..", "backends"), USUAL_FOLDER]));
  const title = `the tritonserver ${found.from === "PATH" ? "on the PATH" : "that was installed"}`;
  return { title, folder, backends: await foldersIn(folder) };
}

async function firstFolder(folders: readonly [string, ...string[]]): Promise<string> {
  for (const folder of folders) if ((await foldersIn(folder)).length > 0) return folder;
  return folders[0];
}

async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.flatMap((entry) => (entry.isDirectory() || entry.isSymbolicLink() ? [entry.name] : [])).sort();
}
