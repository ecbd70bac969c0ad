import { readdir } from "node:fs/promises";
import { messageOf } from "../core/errors.ts";
import type { RunCommand } from "./run-command.ts";

export interface FoundNeuron {
  /** Such as `neuron device 0`. */
  readonly titles: readonly string[];
  /** Why there are none. */
  readonly problem: string | undefined;
}

/**
 * AWS' Neuron devices: those that its driver shows in `devices`, else those that neuron-ls tells of. Its JSON has had two flags
 * ("Announcing end of support for the neuron-ls JSON output format", Neuron 2.34); a device is one object with "neuron_device" in both.
 */
export async function findNeuron(run: RunCommand, devices = "/dev"): Promise<FoundNeuron> {
  const nodes = (await readdir(devices).catch(() => [])).filter((name) => /^neuron\d+$/.test(name));
  if (nodes.length > 0) return { titles: titlesOf(nodes.map((name) => Number(name.slice("neuron".length)))), problem: undefined };
  try {
    const text = await run("neuron-ls", ["--json-output"]).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") throw error;
      return await run("neuron-ls", ["--output-format", "json"]);
    });
    const numbers = [...text.matchAll(/"neuron_device"\s*:\s*(\d+)/g)].map(([, number]) => Number(number));
    return numbers.length > 0 ? { titles: titlesOf(numbers), problem: undefined } : { titles: [], problem: "neuron-ls shows none" };
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    return { titles: [], problem: isMissing ? "there is no neuron-ls" : `neuron-ls failed: ${messageOf(error).split("\n")[0]}` };
  }
}

function titlesOf(numbers: readonly number[]): string[] {
  return [...numbers].sort((left, right) => left - right).map((number) => `neuron device ${number}`);
}
