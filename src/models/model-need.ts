import { deviceTitle } from "../core/device.ts";
import type { ModelSpec } from "../core/model.ts";
import { estimateDeviceMemory, estimateMemory } from "./estimate.ts";
import {
  type Amounts,
  type DeviceWants,
  deviceNeed,
  devicesIn,
  MEMORY,
  type Measurements,
  MODELS,
  memoryOfNamespace,
  type Need,
} from "./residency/index.ts";

export interface NeedOptions {
  /** What earlier loads came to. */
  readonly measurements: Measurements;
  /** Models like this one that share a host; 1 for those that do not. */
  readonly modelsPerHost: (spec: ModelSpec) => number;
  /** Absent: nothing is known of devices, and hosts see what the server sees. */
  readonly devices?: DeviceWants;
}

const NO_DEVICES: DeviceWants = { devices: [], problem: "none was looked for", sees: () => true };

/**
 * What one replica of a model needs of the budgets: what the last load of the same artefact came to, or an estimate. `alone`: in a host
 * that no other model shares; `more`: beside another one of the same model.
 * @throws ServeError FAILED_PRECONDITION when it asks for a device that this machine has not
 */
export function needOf(
  spec: ModelSpec,
  { alone, more }: { readonly alone: boolean; readonly more: boolean },
  { measurements, modelsPerHost, devices = NO_DEVICES }: NeedOptions,
): Need {
  const places = alone ? 1 : modelsPerHost(spec);
  const measured = measurements.of(spec);
  const bytes = (places === modelsPerHost(spec) ? measured?.bytes : undefined) ?? estimateMemory(spec, places);
  const onEach = (count: number): number => measured?.deviceBytes || estimateDeviceMemory(spec, count);
  return {
    // An ensemble is its models, which count.
    amounts: { [MEMORY]: bytes, [memoryOfNamespace(spec.namespace)]: bytes, [MODELS]: more || spec.format === "ensemble" ? 0 : 1 },
    ...deviceNeed(spec, devices, onEach),
  };
}

/** Where the holder of these amounts is, such as "device 0 (NVIDIA H200)"; empty for the processor. */
export function devicesOf(amounts: Amounts, { devices = NO_DEVICES }: Pick<NeedOptions, "devices">): string[] {
  const held = devicesIn(amounts);
  return devices.devices.filter(({ index }) => held.includes(index)).map(deviceTitle);
}

/**
 * Environment variables that show a host its devices and no others. Frameworks that would take all of a device's memory at once
 * are told to take what they need: others are to fit beside them.
 */
export function deviceVariables(
  spec: ModelSpec,
  amounts: Amounts,
  { devices = NO_DEVICES }: Pick<NeedOptions, "devices">,
): Record<string, string> {
  const held = devicesIn(amounts);
  const uuids = devices.devices.filter(({ index }) => held.includes(index)).map(({ uuid }) => uuid);
  if (uuids.length > 0) {
    const frugal = { TF_FORCE_GPU_ALLOW_GROWTH: "true", XLA_PYTHON_CLIENT_PREALLOCATE: "false" };
    return { ...frugal, ...spec.variables, CUDA_VISIBLE_DEVICES: uuids.join(",") };
  }
  return devices.hidden === true || devices.devices.length > 0 || spec.device?.kind === "cpu" ? { CUDA_VISIBLE_DEVICES: "" } : {};
}
