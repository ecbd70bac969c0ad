import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const MAIN = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
export const EXAMPLES = fileURLToPath(new URL("../examples/models", import.meta.url));

/** Environments are kept between runs: making them again tests nothing new. */
export const STATE_DIRECTORY = process.env.NITROUS_STATE_DIR ?? join(homedir(), ".nitrous");

export interface ServerProcess {
  readonly url: string;
  readonly child: ChildProcess;
  /** What it printed so far. */
  output(): string;
  /** Asks it to stop; settles with its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** The built server in a process of its own, on a free port; settles when it listens. */
export async function startServer(paths: readonly string[], flags: readonly string[] = []): Promise<ServerProcess> {
  const child = spawn(process.execPath, [MAIN, "serve", ...paths, "--http-port", "0", "--state-dir", STATE_DIRECTORY, ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const exited = once(child, "exit").then(([code]) => code as number | null);
  const url = await new Promise<string>((resolve, reject) => {
    const look = (): void => {
      const found = /listening on (http:\S+)/.exec(output)?.[1];
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

/** Settles when the server has tried every model; fails with its output when it ends before that. */
export async function untilLoaded(server: ServerProcess): Promise<void> {
  while (!/models are ready at/.test(server.output())) {
    if (server.child.exitCode !== null) throw new Error(`the server ended:\n${server.output()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
