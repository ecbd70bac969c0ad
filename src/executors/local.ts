import { type ChildProcess, spawn } from "node:child_process";
import type { Duplex, Readable } from "node:stream";
import { ServeError } from "../core/errors.ts";
import type { Executor, HostEndpoint, HostSpec } from "../core/executor.ts";
import type { ServerEndpoint } from "../core/upstream.ts";
import { followLines } from "./lines.ts";
import { lower, restore } from "./priority.ts";
import type { ProcessRecord } from "./process-record.ts";

const LOG_TAIL_LINES = 40;
const KILL_GRACE_MS = 2_000;
/** What a launcher gets to end all that is below it, before it is killed itself. */
const LAUNCHER_GRACE_MS = 15_000;

export interface LocalExecutorOptions {
  readonly onLog: (host: string, line: string) => void;
  readonly record: ProcessRecord;
  /** Hosts that load use what others leave of the processors. */
  readonly loadsBehind: boolean;
  /** Programs of this machine that are servers of their own. */
  readonly servers?: ServerStarter;
  /** Containers with an image. */
  readonly containers?: ServerStarter & { close(): Promise<void> };
}

/** Starts servers of their own. */
export interface ServerStarter {
  prepare(spec: HostSpec, report: (step: string) => void, signal: AbortSignal): Promise<void>;
  start(spec: HostSpec): ServerEndpoint;
}

/**
 * Starts host processes on this machine, each with an inherited Unix socket as file descriptor 3. A host without a launcher leads a
 * process group, which is killed when the host ends.
 */
export function createLocalExecutor({ onLog, record, loadsBehind, servers, containers }: LocalExecutorOptions): Executor {
  const running = new Set<LocalEndpoint>();
  const runningServers = new Set<ServerEndpoint>();
  /** What starts servers of this kind; undefined for hosts. @throws ServeError where nothing does */
  const starterOf = ({ container, name }: HostSpec): ServerStarter | undefined => {
    if (container === undefined) return undefined;
    const starter = container.image === undefined ? servers : containers;
    if (starter === undefined) throw new ServeError("FAILED_PRECONDITION", `${name}: this server runs no servers of models' own`);
    return starter;
  };
  /** The sessions of those that load, and when they are behind the others. */
  const loading = new Map<number, Promise<void>>();
  return {
    async prepare(spec, report, signal) {
      await starterOf(spec)?.prepare(spec, report, signal);
    },
    start(spec) {
      const server = starterOf(spec)?.start(spec);
      if (server !== undefined) {
        runningServers.add(server);
        void server.exited.then(() => runningServers.delete(server));
        return server;
      }
      const endpoint = startProcess(spec, onLog, record);
      const { session } = endpoint;
      running.add(endpoint);
      if (loadsBehind && session !== undefined) loading.set(session, lower(session));
      void endpoint.exited.then(() => {
        running.delete(endpoint);
        if (session !== undefined) loading.delete(session);
      });
      return endpoint;
    },
    loaded(pid) {
      for (const { pid: host, session } of running) {
        if (host !== pid || session === undefined) continue;
        void loading.get(session)?.then(() => restore(session));
        loading.delete(session);
      }
    },
    async close() {
      await Promise.all([...running, ...runningServers].map((endpoint) => endpoint.stop(KILL_GRACE_MS)));
      await containers?.close();
      await record.close();
    },
  };
}

interface LocalEndpoint extends HostEndpoint {
  /** The process that leads the session of all that belong to the host; undefined when it could not be started. */
  readonly session: number | undefined;
}

function startProcess(spec: HostSpec, onLog: LocalExecutorOptions["onLog"], record: ProcessRecord): LocalEndpoint {
  const child = spawn(spec.command, spec.arguments, {
    stdio: ["ignore", "pipe", "pipe", "pipe", ...(spec.launched === true ? (["pipe"] as const) : [])],
    env: { ...spec.environment },
    // Signals to the server's group, such as Ctrl-C in a terminal, are for the server alone.
    detached: true,
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
  const connection = withoutErrors(child.stdio[3] as Duplex);
  const exited = exitOf(child, spec);
  const recorded = new Set<number>();
  const remember = (pid: number, folder?: string): void => {
    recorded.add(pid);
    record.add(pid, folder);
  };
  if (child.pid !== undefined) remember(child.pid, spec.temporary);
  let pid = child.pid ?? 0;
  const line = spec.launched === true ? withoutErrors(child.stdio[4] as Duplex) : undefined;
  if (line !== undefined) {
    readHostPid(line, (host) => {
      pid = host;
      remember(host);
    });
  }
  if (line === undefined) child.once("exit", () => killGroup(child));
  void exited.then(() => {
    for (const each of recorded) record.forget(each);
  });
  return {
    name: spec.name,
    session: child.pid,
    get pid() {
      return pid;
    },
    connection,
    exited,
    logTail: () => tail,
    async stop(graceMs) {
      // A host ends by itself when its connection ends.
      connection.destroy();
      const end = (): void => {
        if (line === undefined) killGroup(child);
        else line.destroy();
      };
      const timers = [setTimeout(end, graceMs), setTimeout(() => child.kill("SIGKILL"), graceMs + LAUNCHER_GRACE_MS)];
      await exited;
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

/** A socket reports an error of its own when the process dies while something is being written to it. */
function withoutErrors(socket: Duplex): Duplex {
  return socket.on("error", () => socket.destroy());
}

/** What a launcher says: "host PID". */
function readHostPid(line: Duplex, onPid: (pid: number) => void): void {
  line.setEncoding("utf8").once("data", (text: string) => {
    const pid = /^host (\d+)\n/.exec(text)?.[1];
    if (pid !== undefined) onPid(Number(pid));
  });
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nothing of it is left.
  }
}

function exitOf(child: ChildProcess, spec: HostSpec): Promise<string> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(`could not start ${spec.command}: ${error.message}`));
    // "close" comes after the last line of output has been read, so the log tail is whole.
    child.once("close", (code, signal) => resolve(signal === null ? `exited with code ${code}` : `was killed by ${signal}`));
  });
}
