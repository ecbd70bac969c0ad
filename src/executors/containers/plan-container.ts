import { access, chmod } from "node:fs/promises";
import { join } from "node:path";
import type { ContainerSpec, Mount } from "../../core/container.ts";
import { ServeError } from "../../core/errors.ts";
import { type ObjectFile, type StartWords, writeObjectFiles } from "../servers/index.ts";
import type { ContainerPlan } from "./create-words.ts";
import { gpuWords } from "./devices.ts";
import { makeWritableFolder } from "./folders.ts";
import type { FoundEngine } from "./found-engine.ts";
import { lowerLimits } from "./limits.ts";

/** Processes and threads of a container at once: no bomb, and enough for a server with many threads. */
const PROCESS_LIMIT = 4096;

export interface Planning {
  readonly engine: Pick<FoundEngine, "kind" | "runtime">;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly container: ContainerSpec;
  /** What its program gets: references and ports are filled in. */
  readonly words: StartWords;
  /** The variables whose values come from secrets or config maps. */
  readonly secrets: ReadonlySet<string>;
  /** What the server says itself, such as the devices that it assigned; it counts. */
  readonly assigned: Readonly<Record<string, string>>;
  /** The files of each mount of a secret or config map. */
  readonly objects: ReadonlyMap<Mount, readonly ObjectFile[]>;
  /** A folder for what the container gets. */
  readonly folder: string;
  readonly neuron: readonly string[];
}

/** A folder of this machine whose size is looked at. Bytes. */
export interface WatchedFolder {
  readonly folder: string;
  /** As the program sees it. */
  readonly path: string;
  readonly limit: number | undefined;
}

export interface PlannedContainer {
  readonly plan: ContainerPlan;
  readonly watched: readonly WatchedFolder[];
}

/**
 * Chooses everything that a container is made of, and makes the folders that it gets.
 * @throws ServeError for what an engine cannot do
 */
export async function planContainer(planning: Planning): Promise<PlannedContainer> {
  const { engine, name, labels, container, words, assigned, folder } = planning;
  const binds: Array<ContainerPlan["binds"][number]> = [];
  const memoryMounts: Array<ContainerPlan["memoryMounts"][number]> = [];
  const watched: WatchedFolder[] = [];
  for (const [index, mount] of container.mounts.entries()) {
    const { source, path, readOnly } = mount;
    const own = join(folder, `mount-${index}`);
    if (source.kind === "empty" && source.inMemory) {
      memoryMounts.push({ target: path, size: source.sizeLimit });
      continue;
    }
    if (source.kind === "folder") await requirePath(source.path, path);
    if (source.kind === "empty") {
      await makeWritableFolder(own);
      watched.push({ folder: own, path, limit: source.sizeLimit });
    }
    if (source.kind === "object") {
      await writeObjectFiles(own, planning.objects.get(mount) ?? []);
      // For the container's user; the folder above keeps others out.
      await chmod(own, 0o755);
    }
    binds.push({ source: source.kind === "folder" ? source.path : own, target: path, readOnly: readOnly || source.kind === "object" });
  }
  const { devices, memoryLimit, processorLimit } = container.resources;
  const plan: ContainerPlan = {
    name,
    labels,
    runtime: engine.runtime,
    image: container.image ?? "",
    command: words.command,
    arguments: words.arguments,
    workingDirectory: container.workingDirectory,
    environment: { ...words.environment, ...assigned },
    secrets: planning.secrets,
    network: container.network,
    publish: container.ports.map(({ number }) => number),
    binds,
    memoryMounts,
    memoryLimit,
    processorLimit,
    processLimit: PROCESS_LIMIT,
    user: container.user,
    group: container.group,
    devices: [
      ...gpuWords(engine.kind, { devices, cudaDevices: assigned.CUDA_VISIBLE_DEVICES }),
      ...planning.neuron.map((path) => `--device=${path}`),
    ],
    ulimits: await lowerLimits(engine.kind),
    labelling: await exists("/sys/fs/selinux/enforce"),
  };
  return { plan, watched };
}

/** Variables that the program of the engine, which hands secrets over, reads itself. */
const OF_THE_ENGINE =
  /^(?:PATH|HOME|TMPDIR|USER|LC_ALL|NOTIFY_SOCKET|(?:LD_|GO[A-Z]|DOCKER_|_?CONTAINER|PODMAN|BUILDAH|STORAGE_|REGISTRY|XDG_|DBUS_|LISTEN_).*)$/;

/** Names of the variables whose values are not written in the spec. @throws ServeError INVALID_ARGUMENT for one that cannot be kept secret */
export function secretsOf(
  { environment: written }: Pick<ContainerSpec, "environment">,
  values: Readonly<Record<string, string>>,
): Set<string> {
  const literal = new Set(written.flatMap((each) => ("value" in each && values[each.name] === each.value ? [each.name] : [])));
  const secrets = Object.keys(values).filter((name) => !literal.has(name));
  const clash = secrets.find((name) => OF_THE_ENGINE.test(name));
  if (clash !== undefined) {
    throw new ServeError(
      "INVALID_ARGUMENT",
      `a container's variable ${clash} cannot come from a secret or config map, because the engine reads it itself: mount the object as files, or write the value`,
    );
  }
  return new Set(secrets);
}

async function requirePath(source: string, path: string): Promise<void> {
  if (!(await exists(source)))
    throw new ServeError("FAILED_PRECONDITION", `${source}, which the container has at ${path}, is not on this machine`);
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
