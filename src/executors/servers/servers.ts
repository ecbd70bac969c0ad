import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { PassThrough } from "node:stream";
import type { Clock } from "../../core/clock.ts";
import type { ContainerSpec } from "../../core/container.ts";
import { ServeError } from "../../core/errors.ts";
import type { HostSpec } from "../../core/executor.ts";
import type { ServerEndpoint } from "../../core/upstream.ts";
import { LAUNCHER } from "../launcher.ts";
import { type ProcessRecord, removeLeft } from "../process-record.ts";
import { type AssignedPorts, assignPorts, OWN_PORTS } from "./assigned-ports.ts";
import { describePorts } from "./describe-ports.ts";
import { type Executed, LauncherLine, Refused } from "./launcher-line.ts";
import { type LogLimit, limitLog } from "./log-limit.ts";
import { probeServers, type ServerMachine } from "./machine.ts";
import type { ObjectDirectories } from "./objects.ts";
import type { Planned } from "./plan.ts";
import { type Checked, check, planOf, userProblem } from "./prepare-server.ts";

/** What a launcher gets to end all that is below it, before it is killed itself. */
const LAUNCHER_GRACE_MS = 15_000;

export interface ServersOptions {
  readonly onLog: (name: string, line: string) => void;
  readonly record: ProcessRecord;
  readonly objects: ObjectDirectories;
  readonly clock: Clock;
  /** Python of the settings, to run the launcher with. */
  readonly python: string | undefined;
  /** Where compiled modules of the launcher are kept. */
  readonly bytecodeDirectory: string;
  /** Folders of the server itself, of which programs see only what they name. */
  readonly hidden: readonly string[];
  /** Tests say what the machine can do. */
  readonly probe?: () => Promise<ServerMachine>;
}

/** Programs of this machine that are servers of their own. */
export interface Servers {
  /** Finds out what the machine can do, which the first start would have to wait for. */
  prepare(spec: HostSpec, report: (step: string) => void, signal: AbortSignal): Promise<void>;
  /** @throws ServeError FAILED_PRECONDITION for what the spec names and is not there */
  start(spec: HostSpec): ServerEndpoint;
}

interface Launched {
  readonly line: LauncherLine;
  readonly ports: AssignedPorts;
  readonly replace: Planned["replace"];
}

/**
 * Runs containers without an image as processes below a launcher each: in process, mount and network namespaces of their own where the
 * machine has them, else on ports and in folders that replace those of their specs. Linux.
 */
export function createServers(options: ServersOptions): Servers {
  const { clock, onLog } = options;
  let machine: Promise<ServerMachine> | undefined;
  const probed = (): Promise<ServerMachine> => {
    machine ??= (options.probe ?? (() => probeServers(options.python)))();
    return machine;
  };
  return {
    async prepare(_spec, report) {
      if (machine === undefined) report("looking at what this machine can do for servers");
      await probed();
    },
    start(spec) {
      const checked = check(spec, options.objects);
      const log = limitLog({ clock, onLine: (line) => onLog(spec.name, line) });
      const problem = userProblem(checked.container);
      if (problem !== undefined) onLog(spec.name, problem);
      return new LocalServer(spec, checked, log, probed(), options);
    },
  };
}

class LocalServer implements ServerEndpoint {
  readonly name: string;
  /** Carries nothing. */
  readonly connection = new PassThrough();
  readonly exited: Promise<string>;
  readonly #container: ContainerSpec;
  readonly #log: LogLimit;
  readonly #launched: Promise<Launched>;
  #child: ChildProcess | undefined;
  #line: LauncherLine | undefined;
  #isStopped = false;

  constructor(spec: HostSpec, checked: Checked, log: LogLimit, machine: Promise<ServerMachine>, options: ServersOptions) {
    this.name = spec.name;
    this.#container = checked.container;
    this.#log = log;
    let end = (_how: string): void => undefined;
    this.exited = new Promise((settle) => {
      end = settle;
    });
    this.#launched = this.#launch(spec, checked, machine, options, end);
    this.#launched.catch((error: Error) => end(`could not be started: ${error.message}`));
  }

  /** Of its launcher: all that belongs to the server is below it. 0 until it is there. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  logTail(): readonly string[] {
    return this.#log.tail();
  }

  async connect(port: number): Promise<Socket> {
    const { line, ports } = await this.#launched.catch(unavailable);
    try {
      return await line.connect(ports.portOf(port));
    } catch (error) {
      if (!(error instanceof Refused)) throw unavailable(error);
      const listening = await line.listening().catch(unavailable);
      const reason = error.message === "refused" ? describePorts(port, listening, this.#container, ports) : error.message;
      // A probe names the port itself, and says the cause alone.
      const cause = new Error(reason);
      throw new ServeError("UNAVAILABLE", `its server ${this.name} takes no connections on port ${port}: ${reason}`, { cause });
    }
  }

  async exec(command: readonly string[], signal: AbortSignal): Promise<Executed> {
    const { line, replace } = await this.#launched.catch(unavailable);
    return await line.execute(command.map(replace), signal);
  }

  async stop(graceMs: number): Promise<void> {
    this.#isStopped = true;
    this.connection.destroy();
    this.#line?.end(graceMs);
    const timer = setTimeout(() => this.#child?.kill("SIGKILL"), graceMs + LAUNCHER_GRACE_MS);
    await this.exited;
    clearTimeout(timer);
  }

  async #launch(
    { name, environment }: HostSpec,
    checked: Checked,
    probed: Promise<ServerMachine>,
    { record, bytecodeDirectory, objects, hidden }: ServersOptions,
    end: (how: string) => void,
  ): Promise<Launched> {
    const machine = await probed;
    if (machine.python === undefined) throw new ServeError("FAILED_PRECONDITION", `cannot run ${name}: ${machine.problem}`);
    const ports = checked.container.network === "host" || machine.problem !== undefined ? await assignPorts(checked.container) : OWN_PORTS;
    const { plan, replace } = planOf(checked, { ports, machine, assigned: environment, objects, hidden });
    // In the same turn as the start: whoever stops it later finds the line.
    if (this.#isStopped) throw new ServeError("CANCELLED", "it was stopped before that");
    const child = spawn(machine.python, ["-I", "-S", "-X", `pycache_prefix=${bytecodeDirectory}`, LAUNCHER, "--server"], {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      env: {},
      // Signals to the server's group, such as Ctrl-C in a terminal, are for the server alone.
      detached: true,
    });
    const line = new LauncherLine(child);
    this.#child = child;
    this.#line = line;
    const { pid } = child;
    const groups = [...plan.groups.memory, ...plan.groups.processors].map(({ folder }) => folder);
    if (pid !== undefined) record.add(pid, plan.temporary, groups);
    for (const stream of [child.stdout, child.stderr]) if (stream !== null) this.#log.follow(stream);
    const ended = (how: string): void => {
      if (pid !== undefined) record.forget(pid);
      this.#log.close();
      const sentence = line.reason ?? how;
      line.close(new ServeError("UNAVAILABLE", `its server ${name} has ended: ${sentence}`));
      end(sentence);
    };
    child.once("error", (error) => {
      if (pid === undefined) ended(`could not start the launcher: ${error.message}`);
    });
    // Before "close", which what it left would put off for ever.
    child.once("exit", () => removeLeft(plan.temporary, groups));
    // "close" comes after the last line of output and the last message.
    child.once("close", (code, signal) => ended(signal === null ? `exited with code ${code}` : `was killed by ${signal}`));
    line.start(plan);
    return { line, ports, replace };
  }
}

function unavailable(error: unknown): never {
  throw error instanceof ServeError && error.code !== "CANCELLED"
    ? error
    : new ServeError("UNAVAILABLE", (error as Error).message, { cause: error });
}
