import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../core/clock.ts";
import type { ContainerSpec } from "../../core/container.ts";
import { ServeError } from "../../core/errors.ts";
import type { HostSpec } from "../../core/executor.ts";
import type { ServerEndpoint } from "../../core/upstream.ts";
import { type ObjectDirectories, objectFiles, startWords } from "../servers/index.ts";
import { NeuronDevices } from "./devices.ts";
import { ContainerEndpoint } from "./endpoint.ts";
import { chooseEngine, findEngines } from "./engine.ts";
import type { EngineChoice, FoundEngine } from "./found-engine.ts";
import { ensureImage } from "./images.ts";
import { removeLeftoversOf } from "./leftovers.ts";
import { secretsOf } from "./plan-container.ts";
import { Reaper } from "./reaper.ts";

export interface ContainersOptions {
  readonly engine: EngineChoice;
  /** Folder for what can be made again: servers with the same one look after each other's containers. */
  readonly directory: string;
  readonly objects: ObjectDirectories;
  readonly onLog: (host: string, line: string) => void;
  readonly clock: Clock;
  /** Of the engine's program: this process's own. */
  readonly environment?: NodeJS.ProcessEnv;
}

/** Runs containers by the program of podman or docker; nothing of them outlives this, or the next start. */
export interface Containers {
  /** Has the image here. @throws ServeError when there is no engine or the image cannot be had; the signal's reason when aborted */
  prepare(spec: HostSpec, report: (step: string) => void, signal: AbortSignal): Promise<void>;
  /** @throws ServeError at once for a secret or config map that is missing; what fails later says `exited` */
  start(spec: HostSpec): ServerEndpoint;
  /** Removes what servers with the same directory have left that were killed; the names of containers. Starts wait for it. */
  removeLeftovers(): Promise<string[]>;
  /** Ends what runs. */
  close(): Promise<void>;
}

/** Until the server ends: whoever waits has had the grace of the spec by then. */
const KILL_GRACE_MS = 2_000;
const NEURON_DEVICE = /^neuron\d+$/;

export function createContainers(options: ContainersOptions): Containers {
  const { directory, objects, onLog, clock, environment = process.env } = options;
  const running = new Set<ContainerEndpoint>();
  const reaper = new Reaper();
  const neuron = new NeuronDevices(neuronDevices);
  let leftovers: Promise<unknown> = Promise.resolve();
  let chosen: Promise<FoundEngine> | undefined;
  const engine = async (): Promise<FoundEngine> => {
    await leftovers;
    // One that was missing may have been installed since.
    chosen ??= findEngines(environment).then((found) => chooseEngine(found, options.engine));
    chosen.catch(() => {
      chosen = undefined;
    });
    return await chosen;
  };
  return {
    async prepare(spec, report, signal) {
      await ensureImage(await engine(), containerOf(spec), { report, signal });
    },
    start(spec) {
      const container = containerOf(spec);
      const words = startWords(container, objects);
      const files = container.mounts.flatMap((mount) =>
        mount.source.kind === "object" ? [[mount, objectFiles(mount.source, objects)] as const] : [],
      );
      const content = { container, words, secrets: secretsOf(container, words.environment), objects: new Map(files) };
      const parts = { engine, watch: (found: FoundEngine) => reaper.watch(found), directory, onLog, clock, neuron };
      const endpoint = new ContainerEndpoint(spec, content, parts);
      running.add(endpoint);
      void endpoint.exited.then(() => running.delete(endpoint));
      return endpoint;
    },
    async removeLeftovers() {
      const removal = removeLeftoversOf(directory, () => findEngines(environment));
      leftovers = removal.catch(() => undefined);
      return await removal;
    },
    async close() {
      await Promise.all([...running].map((endpoint) => endpoint.stop(KILL_GRACE_MS)));
      await leftovers;
      reaper.close();
    },
  };
}

function containerOf({ container, name }: HostSpec): ContainerSpec {
  if (container?.image === undefined) throw new ServeError("INTERNAL", `${name} has no image to run`);
  return container;
}

async function neuronDevices(): Promise<string[]> {
  const names = await readdir("/dev").catch(() => []);
  const numbered = names.filter((name) => NEURON_DEVICE.test(name)).sort((one, other) => one.localeCompare(other, "en", { numeric: true }));
  return numbered.map((name) => join("/dev", name));
}
