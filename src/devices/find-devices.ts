import type { Device } from "../core/device.ts";
import { messageOf } from "../core/errors.ts";
import { queryDevices } from "./nvidia-smi.ts";
import type { RunCommand } from "./run-command.ts";

export interface FoundDevices {
  /** In the order of their numbers. */
  readonly devices: readonly Device[];
  /** Why there are none, or fewer than the machine has. */
  readonly problem: string | undefined;
}

/**
 * The NVIDIA GPUs that hosts may use: those that the driver shows, and of these only what the server's own CUDA_VISIBLE_DEVICES
 * names. Devices that nvidia-smi does not show are not known, and nothing is reserved of them.
 */
export async function findDevices(environment: Readonly<Record<string, string | undefined>>, run: RunCommand): Promise<FoundDevices> {
  let all: readonly Device[];
  try {
    all = await queryDevices(run);
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    return { devices: [], problem: isMissing ? "there is no nvidia-smi" : `nvidia-smi failed: ${firstLine(messageOf(error))}` };
  }
  if (all.length === 0) return { devices: [], problem: "nvidia-smi shows none" };
  const chosen = environment.CUDA_VISIBLE_DEVICES;
  if (chosen === undefined) return { devices: all, problem: undefined };
  const devices = visibleOf(all, chosen);
  if (devices.length === all.length) return { devices, problem: undefined };
  return { devices, problem: `CUDA_VISIBLE_DEVICES of the server (${JSON.stringify(chosen)}) leaves ${devices.length} of ${all.length}` };
}

/** As CUDA reads it: numbers or beginnings of UUIDs; from the first that names no device on nothing counts. */
function visibleOf(all: readonly Device[], text: string): readonly Device[] {
  const visible = new Set<Device>();
  for (const word of text.split(",").map((each) => each.trim())) {
    const named = all.filter(({ index, uuid }) => (/^\d+$/.test(word) ? index === Number(word) : word !== "" && uuid.startsWith(word)));
    const [device] = named;
    if (device === undefined || named.length > 1) break;
    visible.add(device);
  }
  return all.filter((device) => visible.has(device));
}

function firstLine(text: string): string {
  return text.split("\n").find((line) => line.trim() !== "") ?? text;
}
