import type { Clock } from "../core/clock.ts";
import type { Device } from "../core/device.ts";
import { type ProcessUse, queryProcesses } from "./nvidia-smi.ts";
import type { RunCommand } from "./run-command.ts";

export interface DeviceMeter {
  /** Bytes that processes hold together, by the number of the device; without those of which the driver says nothing. Never rejects. */
  measure(pids: readonly number[]): Promise<ReadonlyMap<number, number>>;
}

/** Hosts are looked at one after the other; one answer of the driver is good for all of a round. Milliseconds. */
const FRESH_MS = 1_000;

/** What processes hold of these devices, from the driver. */
export function createDeviceMeter(devices: readonly Device[], clock: Clock, run: RunCommand): DeviceMeter {
  const indices = new Map(devices.map(({ index, uuid }) => [uuid, index]));
  let latest: { readonly at: number; readonly uses: Promise<readonly ProcessUse[]> } | undefined;
  const query = (): Promise<readonly ProcessUse[]> => {
    if (latest === undefined || clock.now() - latest.at >= FRESH_MS)
      latest = { at: clock.now(), uses: queryProcesses(run).catch(() => []) };
    return latest.uses;
  };
  return {
    async measure(pids) {
      if (devices.length === 0) return new Map();
      const held = new Map<number, number>();
      for (const { pid, uuid, bytes } of await query()) {
        const index = indices.get(uuid);
        if (index !== undefined && pids.includes(pid)) held.set(index, (held.get(index) ?? 0) + bytes);
      }
      return held;
    },
  };
}
