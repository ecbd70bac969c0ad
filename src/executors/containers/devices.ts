import { ServeError } from "../../core/errors.ts";
import type { EngineKind } from "./found-engine.ts";

/** Devices that a container asks for and what this machine has of them. */
export interface DeviceWish {
  /** By resource name, as in ContainerResources. */
  readonly devices: Readonly<Record<string, number>>;
  /** What the server assigned: UUIDs or indices with commas between them; undefined when it assigned nothing. */
  readonly cudaDevices: string | undefined;
}

const NVIDIA = "nvidia.com/gpu";
const AMD = "amd.com/gpu";
/** AWS' device plugin knows all three; a device holds several cores, and only whole devices can be given. */
const NEURON = ["aws.amazon.com/neuron", "aws.amazon.com/neurondevice", "aws.amazon.com/neuroncore"];

/**
 * The words that give a container its GPUs: for podman by the Container Device Interface (CDI), whose devices NVIDIA's toolkit names by
 * index and UUID, for docker with --gpus; and AMD's, which are shared.
 * @throws ServeError FAILED_PRECONDITION for a device that no engine can be told to give
 */
export function gpuWords(engine: EngineKind, { devices, cudaDevices }: DeviceWish): string[] {
  const unknown = Object.keys(devices).find((name) => ![NVIDIA, AMD, ...NEURON].includes(name) && (devices[name] ?? 0) > 0);
  if (unknown !== undefined) {
    throw new ServeError(
      "FAILED_PRECONDITION",
      `containers are given ${[NVIDIA, AMD, ...NEURON].join(", ")}, and not the resource ${unknown}`,
    );
  }
  const amd = (devices[AMD] ?? 0) > 0 ? ["--device=/dev/kfd", "--device=/dev/dri"] : [];
  return [...nvidiaWords(engine, devices[NVIDIA] ?? 0, cudaDevices), ...amd];
}

function nvidiaWords(engine: EngineKind, count: number, assigned: string | undefined): string[] {
  const names = (assigned ?? "").split(",").filter(Boolean);
  if (names.length > 0) {
    if (engine === "podman") return names.map((name) => `--device=${NVIDIA}=${name}`);
    // A value of --gpus is a line of CSV: its quotation marks keep the commas.
    return [`--gpus="device=${names.join(",")}"`];
  }
  if (count === 0) return [];
  // The server has found no GPU to assign; the engine says what is missing.
  if (engine === "docker") return [`--gpus=${count}`];
  return Array.from({ length: count }, (_, index) => `--device=${NVIDIA}=${index}`);
}

/** Which of this machine's Neuron devices are given to which container: each to one at a time. */
export class NeuronDevices {
  readonly #find: () => Promise<readonly string[]>;
  readonly #taken = new Map<string, string>();

  /** `find` lists them: /dev/neuron0 and so on. */
  constructor(find: () => Promise<readonly string[]>) {
    this.#find = find;
  }

  /** @throws ServeError RESOURCE_EXHAUSTED when fewer are free, FAILED_PRECONDITION when there are fewer */
  async take(container: string, { devices }: Pick<DeviceWish, "devices">): Promise<string[]> {
    const wanted = NEURON.reduce((sum, name) => sum + (devices[name] ?? 0), 0);
    if (wanted === 0) return [];
    const found = await this.#find();
    const free = found.filter((path) => !this.#taken.has(path)).slice(0, wanted);
    if (found.length < wanted) {
      throw new ServeError("FAILED_PRECONDITION", `the container wants ${wanted} Neuron devices, and this machine has ${found.length}`);
    }
    if (free.length < wanted) {
      const holders = [...new Set(this.#taken.values())].join(", ");
      throw new ServeError(
        "RESOURCE_EXHAUSTED",
        `the container wants ${wanted} Neuron devices, and ${free.length} are free: ${holders} have the others`,
      );
    }
    for (const path of free) this.#taken.set(path, container);
    return free;
  }

  giveBack(container: string): void {
    for (const [path, holder] of this.#taken) if (holder === container) this.#taken.delete(path);
  }
}
