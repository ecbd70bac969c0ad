import type { Socket } from "node:net";
import { PassThrough } from "node:stream";
import type { Clock } from "../../core/clock.ts";
import type { ContainerSpec, Mount } from "../../core/container.ts";
import { messageOf, ServeError } from "../../core/errors.ts";
import type { HostSpec } from "../../core/executor.ts";
import type { ServerEndpoint } from "../../core/upstream.ts";
import {
  type AssignedPorts,
  assignPorts,
  bytesIn,
  limitLog,
  listeningPorts,
  type ObjectFile,
  OWN_PORTS,
  type StartWords,
} from "../servers/index.ts";
import { openConnection, requireListener } from "./connect.ts";
import type { NeuronDevices } from "./devices.ts";
import { watchDisk } from "./disk-watch.ts";
import { makeContainerFolder, removeContainerFolder } from "./folders.ts";
import type { FoundEngine } from "./found-engine.ts";
import { ensureImage } from "./images.ts";
import { isInitHere } from "./init-process.ts";
import { type RunningState, writtenBytes, writtenFolder } from "./inspect-container.ts";
import { removeContainer } from "./leftovers.ts";
import { containerName, labelsOf } from "./ownership.ts";
import { type PlannedContainer, planContainer, type WatchedFolder } from "./plan-container.ts";
import { createAndStart, execIn, type RunningContainer } from "./running-container.ts";

const LOG_TAIL_LINES = 40;

export interface ContainerParts {
  /** @throws ServeError when there is none that works */
  readonly engine: () => Promise<FoundEngine>;
  /** Called once there is something to look after. */
  readonly watch: (engine: FoundEngine) => void;
  readonly directory: string;
  readonly onLog: (host: string, line: string) => void;
  readonly clock: Clock;
  readonly neuron: NeuronDevices;
}

/** What is read of files before anything is started. */
export interface ContainerContent {
  readonly container: ContainerSpec;
  readonly words: StartWords;
  /** The variables whose values come from secrets or config maps. */
  readonly secrets: ReadonlySet<string>;
  readonly objects: ReadonlyMap<Mount, readonly ObjectFile[]>;
}

/** A container from the moment somebody wants it until nothing of it is left. */
export class ContainerEndpoint implements ServerEndpoint {
  readonly name: string;
  readonly connection = new PassThrough();
  readonly exited: Promise<string>;
  readonly #spec: HostSpec;
  readonly #content: ContainerContent;
  readonly #parts: ContainerParts;
  readonly #container: string;
  readonly #ending = new AbortController();
  readonly #tail: string[] = [];
  readonly #started: Promise<Started>;
  #current: RunningContainer | undefined;
  #graceMs: number | undefined;
  /** Why the server ended it. */
  #why: string | undefined;
  #pid = 0;

  constructor(spec: HostSpec, content: ContainerContent, parts: ContainerParts) {
    this.name = spec.name;
    this.#spec = spec;
    this.#content = content;
    this.#parts = parts;
    this.#container = containerName(spec.name);
    let onStarted: (started: Started) => void = () => undefined;
    const started = new Promise<Started>((resolve) => {
      onStarted = resolve;
    });
    this.exited = this.#live(onStarted);
    this.#started = Promise.race([
      started,
      this.exited.then((how) => Promise.reject(new ServeError("UNAVAILABLE", `the container of ${this.name} ${how}`))),
    ]);
    this.#started.catch(() => undefined);
  }

  /** Of the program inside when it is a process of this machine; before that, and elsewhere, of the one that follows its output. */
  get pid(): number {
    return this.#pid;
  }

  logTail(): readonly string[] {
    return this.#tail;
  }

  async stop(graceMs: number): Promise<void> {
    this.connection.destroy();
    this.#ending.abort(new ServeError("CANCELLED", "nobody wants the container any more"));
    // The first wish counts, unless a later one is in more of a hurry.
    if (this.#graceMs === undefined || graceMs < this.#graceMs) {
      this.#graceMs = graceMs;
      void this.#current?.stop(graceMs);
    }
    await this.exited;
  }

  async connect(port: number): Promise<Socket> {
    const { state, ports } = await this.#started;
    const { container } = this.#content;
    if (container.network === "host") return await openConnection(this.name, port, ports.portOf(port));
    const at = state.ports.get(port);
    if (at === undefined) {
      const known = container.ports.map(({ number }) => number).join(", ") || "none";
      throw new ServeError("UNAVAILABLE", `port ${port} is not among the ports in the spec of ${this.name}: ${known}`);
    }
    // Engines may take a connection that nobody answers inside.
    if (isInitHere(state.pid)) requireListener(this.name, port, listeningPorts(state.pid));
    return await openConnection(this.name, port, at);
  }

  async exec(command: readonly string[], signal: AbortSignal): Promise<{ readonly code: number; readonly output: string }> {
    const { engine, ports } = await this.#started;
    return await execIn(engine, this.#container, command.map(ports.replace), signal);
  }

  /** Settles with how it ended, when nothing of it is left. */
  async #live(onStarted: (started: Started) => void): Promise<string> {
    const { directory, neuron, clock } = this.#parts;
    const log = limitLog({ clock, onLine: (line) => this.#keep(line) });
    const ended = new AbortController();
    let engine: FoundEngine | undefined;
    try {
      engine = await this.#parts.engine();
      const { signal } = this.#ending;
      signal.throwIfAborted();
      const { container: spec } = this.#content;
      // A pull that is asked for always has been made before the start.
      const imagePullPolicy = spec.imagePullPolicy === "Never" ? "Never" : "IfNotPresent";
      await ensureImage(engine, { image: spec.image, imagePullPolicy }, { report: (step) => this.#keep(step), signal });
      const ports = spec.network === "host" ? await assignPorts(spec) : OWN_PORTS;
      const folder = await makeContainerFolder(directory, this.#container);
      const planned = await this.#plan(engine, ports, folder);
      this.#parts.watch(engine);
      const current = await createAndStart(
        engine,
        planned.plan,
        { folder, log: { follow: (stream) => log.follow(stream), onLine: (line) => this.#keep(line) } },
        signal,
      );
      this.#current = current;
      this.#pid = current.followerPid;
      if (this.#graceMs !== undefined) void current.stop(this.#graceMs);
      void this.#look({ engine, ports, watched: planned.watched, current, ended: ended.signal }, onStarted);
      const how = await current.ended;
      return this.#why ?? how;
    } catch (error) {
      return this.#ending.signal.aborted ? "was ended before it had started" : `could not start: ${messageOf(error)}`;
    } finally {
      ended.abort();
      log.close();
      if (engine !== undefined) await removeContainer(engine, this.#container).catch(() => undefined);
      neuron.giveBack(this.#container);
      await removeContainerFolder(directory, this.#container, engine);
      this.connection.destroy();
    }
  }

  async #plan(engine: FoundEngine, { replace, environment }: AssignedPorts, folder: string): Promise<PlannedContainer> {
    const { directory, neuron } = this.#parts;
    const { container, words, secrets, objects } = this.#content;
    const variables = Object.entries(words.environment).map(([name, value]) => [name, replace(value)] as const);
    return await planContainer({
      engine,
      name: this.#container,
      labels: labelsOf(directory, this.name),
      container,
      words: {
        environment: { ...environment, ...Object.fromEntries(variables) },
        command: words.command.map(replace),
        arguments: words.arguments.map(replace),
      },
      secrets,
      assigned: this.#spec.environment,
      objects,
      folder,
      neuron: await neuron.take(this.#container, container.resources),
    });
  }

  /** Notes where the program is once it runs, and watches what it writes from then on. */
  async #look({ engine, ports, watched, current, ended }: Looking, onStarted: (started: Started) => void): Promise<void> {
    const state = await current.running;
    if (state === undefined) return;
    if (isInitHere(state.pid)) this.#pid = state.pid;
    onStarted({ engine, state, ports });
    const limit = this.#content.container.resources.diskLimit;
    const upper = limit === undefined ? undefined : await writtenFolder(engine, this.#container);
    if (ended.aborted) return;
    const written = (): Promise<number> => (upper === undefined ? writtenBytes(engine, this.#container) : bytesIn(upper));
    const onExcess = (how: string): void => {
      this.#why = `was ended because it ${how}`;
      void current.stop(0);
    };
    const end = watchDisk({ clock: this.#parts.clock, folders: watched, limit, written, onExcess });
    ended.addEventListener("abort", end, { once: true });
  }

  #keep(line: string): void {
    this.#tail.push(line);
    if (this.#tail.length > LOG_TAIL_LINES) this.#tail.shift();
    this.#parts.onLog(this.name, line);
  }
}

interface Looking {
  readonly engine: FoundEngine;
  readonly ports: AssignedPorts;
  readonly watched: readonly WatchedFolder[];
  readonly current: RunningContainer;
  /** Aborted when the container has ended. */
  readonly ended: AbortSignal;
}

interface Started {
  readonly engine: FoundEngine;
  readonly state: RunningState;
  readonly ports: AssignedPorts;
}
