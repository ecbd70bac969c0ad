import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const MAIN = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
export const EXAMPLES = fileURLToPath(new URL("../examples/models", import.meta.url));

/** Environments are kept between runs: making them again tests nothing new. */
export const CACHE_DIRECTORY = process.env.NITROUS_CACHE_DIR || join(homedir(), ".nitrous");

export interface ServerProcess {
  readonly url: string;
  readonly child: ChildProcess;
  /** What it printed so far. */
  output(): string;
  /** Asks it to stop; settles with its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export interface ServerSurroundings {
  /** Beside the variables of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  /** It gets no --state-dir, and looks for its state where it does by itself. */
  readonly defaultState?: boolean;
}

/**
 * The built server in a process of its own, on a free port and with a state of its own, unless a flag names another; settles when
 * it listens.
 */
export async function startServer(
  paths: readonly string[],
  flags: readonly string[] = [],
  { environment = {}, defaultState = false }: ServerSurroundings = {},
): Promise<ServerProcess> {
  const state = mkdtempSync(join(tmpdir(), "nitrous-test-state-"));
  const own = defaultState ? [] : ["--state-dir", state];
  const server = ["serve", ...paths, "--http-port", "0", "--cache-dir", CACHE_DIRECTORY, ...own, ...flags];
  const child = spawn(process.execPath, [MAIN, ...server], { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...environment } });
  child.once("exit", () => rmSync(state, { recursive: true, force: true }));
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const exited = once(child, "exit").then(([code]) => code as number | null);
  const url = await new Promise<string>((resolve, reject) => {
    const look = (): void => {
      const found = /listening on (https?:\S+)/.exec(output)?.[1];
      if (found !== undefined) resolve(found);
    };
    child.stderr.on("data", look);
    void exited.then(() => reject(new Error(`the server ended before it listened:\n${output}`)));
  });
  return {
    url,
    child,
    output: () => output,
    async stop(signal = "SIGTERM") {
      if (child.exitCode === null) child.kill(signal);
      return await exited;
    },
  };
}

/** The port on which it said that it listens for gRPC. */
export function grpcPortOf(server: Pick<ServerProcess, "output">): number {
  return Number(/on port (\d+) for gRPC/.exec(server.output())?.[1]);
}

/** Settles when the server has tried every model; fails with its output when it ends before that. */
export async function untilLoaded(server: ServerProcess): Promise<void> {
  while (!/models are ready at|nitrous serves at/.test(server.output())) {
    if (server.child.exitCode !== null) throw new Error(`the server ended:\n${server.output()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
