import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, lstatSync, statfsSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { PassThrough } from "node:stream";
import type { Clock } from "../../core/clock.ts";
import type { ContainerSpec } from "../../core/container.ts";
import { ServeError } from "../../core/errors.ts";
import type { HostSpec } from "../../core/executor.ts";
import type { ServerEndpoint } from "../../core/upstream.ts";
import { LAUNCHER } from "../launcher.ts";
import { type ProcessRecord, removeLeft, TEMPORARY_PREFIX } from "../process-record.ts";
import { type AssignedPorts, assignPorts, OWN_PORTS } from "./assigned-ports.ts";
import { describePorts } from "./describe-ports.ts";
import { type StartWords, startWords } from "./environment.ts";
import { type Executed, LauncherLine, Refused } from "./launcher-line.ts";
import { type LogLimit, limitLog } from "./log-limit.ts";
import { accelerators, probeServers, type ServerMachine } from "./machine.ts";
import { type ObjectDirectories, type ObjectFile, objectFiles } from "./objects.ts";
import { type LauncherPlan, launcherPlan } from "./plan.ts";
import { filesOfCommand, hiddenFolders, homeFolders, withoutLinks } from "./view.ts";

/** What a launcher gets to end all that is below it, before it is killed itself. */
const LAUNCHER_GRACE_MS = 15_000;
const RESOLVER = "/run/systemd/resolve";

export interface ServersOptions {
  readonly onLog: (name: string, line: string) => void;
  readonly record: ProcessRecord;
  readonly objects: ObjectDirectories;
  readonly clock: Clock;
  /** Python of the settings, to run the launcher with. */
  readonly python: string | undefined;
  /** Where compiled modules of the launcher are kept. */
  readonly bytecodeDirectory: string;
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

/** Everything that can be wrong with a spec is known before there is a process. */
interface Checked {
  readonly container: ContainerSpec;
  readonly words: StartWords;
  readonly objects: ReadonlyMap<number, readonly ObjectFile[]>;
}

interface Launched {
  readonly line: LauncherLine;
  readonly ports: AssignedPorts;
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
    this.#launched.catch((error: Error) => end(error.message));
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
      throw new ServeError("UNAVAILABLE", `its server ${this.name} takes no connections on port ${port}: ${reason}`);
    }
  }

  async exec(command: readonly string[], signal: AbortSignal): Promise<Executed> {
    const { line, ports } = await this.#launched.catch(unavailable);
    return await line.execute(command.map(ports.replace), signal);
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
    { record, bytecodeDirectory, objects }: ServersOptions,
    end: (how: string) => void,
  ): Promise<Launched> {
    const machine = await probed;
    if (machine.python === undefined) throw new ServeError("FAILED_PRECONDITION", `cannot run ${name}: ${machine.problem}`);
    const ports = checked.container.network === "host" || machine.problem !== undefined ? await assignPorts(checked.container) : OWN_PORTS;
    const plan = planOf(checked, { ports, machine, assigned: environment, objects });
    // In the same turn as the start: whoever stops it later finds the line.
    if (this.#isStopped) throw new ServeError("CANCELLED", "was stopped before it had started");
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
      removeLeft(plan.temporary, groups);
      if (pid !== undefined) record.forget(pid);
      this.#log.close();
      const sentence = line.reason ?? how;
      line.close(new ServeError("UNAVAILABLE", `its server ${name} has ended: ${sentence}`));
      end(sentence);
    };
    child.once("error", (error) => {
      if (pid === undefined) ended(`could not start the launcher: ${error.message}`);
    });
    // "close" comes after the last line of output and the last message.
    child.once("close", (code, signal) => ended(signal === null ? `exited with code ${code}` : `was killed by ${signal}`));
    line.start(plan);
    return { line, ports };
  }
}

function check({ name, container }: HostSpec, directories: ObjectDirectories): Checked {
  if (container === undefined) throw new Error(`${name} has no container`);
  if (container.command.length === 0) {
    const hint = "give its container a command, or an image and a container engine to run it";
    throw new ServeError("FAILED_PRECONDITION", `cannot run ${name} as a process: it has no command; ${hint}`);
  }
  const objects = new Map<number, readonly ObjectFile[]>();
  for (const [index, { path, source }] of container.mounts.entries()) {
    if (source.kind === "object") objects.set(index, objectFiles(source, directories));
    if (source.kind === "folder" && !existsSync(source.path)) {
      throw new ServeError("FAILED_PRECONDITION", `cannot run ${name}: ${source.path}, which it mounts at ${path}, is not there`);
    }
  }
  return { container, words: startWords(container, directories), objects };
}

function planOf(
  { container, words, objects }: Checked,
  given: { ports: AssignedPorts; machine: ServerMachine; assigned: Readonly<Record<string, string>>; objects: ObjectDirectories },
): LauncherPlan {
  const { ports, machine, assigned } = given;
  const name = `${TEMPORARY_PREFIX}${randomUUID()}`;
  const parent = withoutLinks(resolve(tmpdir()));
  const path = words.environment.PATH ?? process.env.PATH ?? "/usr/local/bin:/usr/bin:/bin";
  const [command = ""] = words.command;
  const texts = [...words.command, ...words.arguments, ...Object.values(words.environment), path, ...filesOfCommand(command, path)];
  const { hidden, shown } = hiddenFolders([...homeFolders(), "/tmp"], texts, container.workingDirectory);
  const secret = [given.objects.secrets, given.objects.configMaps].flatMap((folder) => (folder === undefined ? [] : [resolve(folder)]));
  const { bavail, bsize } = statfsSync(parent);
  return launcherPlan(container, {
    words,
    assigned,
    path,
    language: process.env.LANG ?? "C.UTF-8",
    temporary: join(parent, name),
    namespaces: machine.problem === undefined,
    ports,
    objects,
    groups: machine.groups(name),
    freeDisk: bavail * bsize,
    hidden,
    shown,
    masked: secret.map(withoutLinks),
    devices: usesDevices(container, assigned) ? accelerators() : [],
    temporaryPlaces: ["/tmp", "/var/tmp"].filter(isOwnFolder),
    kept: container.network === "host" && existsSync(RESOLVER) ? [RESOLVER] : [],
    withoutLinks,
  });
}

/** It asks for some, or the server has chosen some for it. */
function usesDevices({ resources }: ContainerSpec, assigned: Readonly<Record<string, string>>): boolean {
  const visible = assigned.CUDA_VISIBLE_DEVICES ?? "";
  return Object.values(resources.devices).some((count) => count > 0) || !["", "-1"].includes(visible);
}

/** A folder, and no link to one. */
function isOwnFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function unavailable(error: unknown): never {
  throw error instanceof ServeError && error.code !== "CANCELLED"
    ? error
    : new ServeError("UNAVAILABLE", (error as Error).message, { cause: error });
}
