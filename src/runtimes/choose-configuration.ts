import { closestNames } from "../core/closest.ts";
import { ServeError } from "../core/errors.ts";
import type { Accelerator, RuntimeConfiguration } from "../core/runtime-configuration.ts";

/** What a machine has of each accelerator. */
export interface Accelerators {
  readonly nvidia: Found;
  readonly neuron: Found;
}

export interface Found {
  /** Such as `device 0 (NVIDIA H200)`. */
  readonly titles: readonly string[];
  /** Why there are none, or not all. */
  readonly problem: string | undefined;
}

export interface ChosenConfiguration {
  readonly configuration: RuntimeConfiguration;
  /** A clause: why this one. */
  readonly reason: string;
}

/**
 * The configuration that a user names or, for `auto`, the one that the machine's accelerators mean, as NOS detects it: Neuron devices,
 * else NVIDIA GPUs, else the processor.
 * @throws ServeError INVALID_ARGUMENT for an unknown name, FAILED_PRECONDITION when the machine has not what the named one needs
 */
export function chooseConfiguration(
  wanted: string,
  configurations: readonly RuntimeConfiguration[],
  accelerators: Accelerators,
): ChosenConfiguration {
  const name = wanted === "auto" ? detected(accelerators) : wanted;
  const configuration = configurations.find((each) => each.name === name);
  if (configuration === undefined) {
    const names = configurations.map((each) => each.name);
    const [closest] = closestNames(name, names);
    const meant = closest === undefined ? "" : `; did you mean ${closest}?`;
    throw new ServeError("INVALID_ARGUMENT", `there is no runtime configuration ${name}, only ${["auto", ...names].join(", ")}${meant}`);
  }
  const obstacle = obstacleTo(configuration, accelerators);
  if (obstacle !== undefined)
    throw new ServeError("FAILED_PRECONDITION", `the runtime configuration ${name} cannot be used here: ${obstacle}`);
  return { configuration, reason: wanted === "auto" ? whyDetected(accelerators) : "it was asked for" };
}

/** Why a machine cannot run servers as a configuration says; undefined when it can. */
export function obstacleTo({ devices }: RuntimeConfiguration, accelerators: Accelerators): string | undefined {
  if (devices === "none" || accelerators[devices].titles.length > 0) return undefined;
  return `it needs ${NAMES[devices]}, and ${accelerators[devices].problem ?? "there are none"}`;
}

const NAMES: Readonly<Record<Exclude<Accelerator, "none">, string>> = { nvidia: "NVIDIA GPUs", neuron: "Neuron devices" };

function detected({ neuron, nvidia }: Accelerators): string {
  if (neuron.titles.length > 0) return "inf2";
  return nvidia.titles.length > 0 ? "gpu" : "cpu";
}

function whyDetected({ neuron, nvidia }: Accelerators): string {
  if (neuron.titles.length > 0) return `this machine has ${neuron.titles.join(", ")}`;
  if (nvidia.titles.length > 0) return `this machine has ${nvidia.titles.join(", ")}`;
  return [nvidia.problem, neuron.problem].filter((problem) => problem !== undefined).join(", and ") || "this machine has no accelerators";
}
