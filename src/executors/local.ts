import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Duplex, Readable } from "node:stream";
import type { Executor, HostEndpoint, HostSpec } from "../core/executor.ts";

const LOG_TAIL_LINES = 40;
const KILL_GRACE_MS = 2_000;

/** Starts host processes on this machine, each with an inherited Unix socket as file descriptor 3. */
export function createLocalExecutor(onLog: (host: string, line: string) => void): Executor {
  const running = new Set<HostEndpoint>();
  return {
    start(spec) {
      const endpoint = startProcess(spec, onLog);
      running.add(endpoint);
      void endpoint.exited.then(() => running.delete(endpoint));
      return endpoint;
    },
    async close() {
      await Promise.all([...running].map((endpoint) => endpoint.stop(KILL_GRACE_MS)));
    },
  };
}

function startProcess(spec: HostSpec, onLog: (host: string, line: string) => void): HostEndpoint {
  const child = spawn(spec.command, spec.arguments, {
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    env: { ...spec.environment },
    ...(spec.directory === undefined ? {} : { cwd: spec.directory }),
  });
  const tail: string[] = [];
  const keep = (line: string): void => {
    tail.push(line);
    if (tail.length > LOG_TAIL_LINES) tail.shift();
    onLog(spec.name, line);
  };
  followLines(child.stdout as Readable, keep);
  followLines(child.stderr as Readable, keep);
  const connection = child.stdio[3] as Duplex;
  // The connection reports an error of its own when the process dies while a frame is being written.
  connection.on("error", () => connection.destroy());
  const exited = exitOf(child, spec);
  return {
    name: spec.name,
    pid: child.pid ?? 0,
    connection,
    exited,
    logTail: () => tail,
    async stop(graceMs) {
      // A host ends by itself when its connection ends.
      connection.destroy();
      const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
      await exited;
      clearTimeout(timer);
    },
  };
}

function followLines(stream: Readable, onLine: (line: string) => void): void {
  createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on("line", onLine);
}

function exitOf(child: ChildProcess, spec: HostSpec): Promise<string> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(`could not start ${spec.command}: ${error.message}`));
    // "close" comes after the last line of output has been read, so the log tail is whole.
    child.once("close", (code, signal) => resolve(signal === null ? `exited with code ${code}` : `was killed by ${signal}`));
  });
}
