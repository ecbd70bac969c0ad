import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import { ask, findProgram, programsDirectory, serverProgram } from "../src/runtimes/index.ts";
import { CACHE_DIRECTORY } from "./server-process.ts";

/** A tritonserver of this machine, as `nitrous runtimes install triton` brings it, which serves a folder of models. */
export interface RealTriton {
  readonly url: string;
  readonly pid: number;
  output(): string;
  stop(): Promise<void>;
}

/** Undefined where there is none. Settles when its models have been tried. @throws Error with its output when it ends before that */
export async function startRealTriton(repository: string, flags: readonly string[] = []): Promise<RealTriton | undefined> {
  const places = { directory: programsDirectory(CACHE_DIRECTORY), path: process.env.PATH ?? "", ask };
  const program = await findProgram(serverProgram("triton"), places);
  if (program === undefined) return undefined;
  const [http, grpc, metrics] = [await freePort(), await freePort(), await freePort()];
  const ports = ["--http-port", http, "--grpc-port", grpc, "--metrics-port", metrics].map(String);
  const common = ["--model-repository", repository, "--http-address", "127.0.0.1", "--grpc-address", "127.0.0.1", "--exit-on-error=false"];
  const { environment = {} } = program.launch;
  const child = spawn(program.file, [...common, ...ports, ...(program.launch.arguments ?? []), ...flags], {
    // Its Python backend takes the packages of the first interpreter on the PATH.
    env: { ...process.env, ...environment, PATH: [join(environment.VIRTUAL_ENV ?? "", "bin"), process.env.PATH].join(delimiter) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const url = `http://127.0.0.1:${http}`;
  const exited = once(child, "exit");
  await new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        if (output.includes("Started Metrics Service")) resolve();
      });
    }
    void exited.then(() => reject(new Error(`tritonserver ended:\n${output}`)));
  });
  return {
    url,
    pid: child.pid as number,
    output: () => output,
    async stop() {
      child.kill();
      await exited;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
