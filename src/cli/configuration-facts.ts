import type { Accelerator, Engine, RunAs } from "../core/runtime-configuration.ts";
import { findDevices, runCommand } from "../devices/index.ts";
import { chosenRuntime, knownRuntimes } from "../machine-runtime.ts";
import { obstacleTo } from "../runtimes/index.ts";
import { type Settings, SettingsError } from "../settings.ts";
import { CliError } from "./errors.ts";

/** A runtime configuration, and what it would do here. */
export interface ConfigurationFacts {
  readonly name: string;
  readonly chosen: boolean;
  readonly usable: boolean;
  readonly devices: Accelerator;
  readonly runAs: RunAs;
  readonly engine: Engine;
  /** A clause: what it would do, or why it cannot. */
  readonly here: string;
}

/** What each runtime configuration would do on this machine. @throws CliError for one that is written wrongly */
export async function configurationFacts(settings: Settings): Promise<readonly ConfigurationFacts[]> {
  try {
    const known = await knownRuntimes(settings, await findDevices(process.env, runCommand));
    const chosen = chosenOf(settings, known);
    return known.configurations.map((each) => {
      const { name, devices, runAs, engine } = each;
      const obstacle = obstacleTo(each, known.accelerators);
      const uses = devices === "none" ? "the processor" : known.accelerators[devices].titles.join(", ");
      const isChosen = chosen?.configuration.name === name;
      const here =
        obstacle === undefined ? `runs on ${uses}${isChosen ? `; chosen: ${chosen?.reason}` : ""}` : `cannot be used: ${obstacle}`;
      return { name, chosen: isChosen, usable: obstacle === undefined, devices, runAs, engine, here };
    });
  } catch (error) {
    throw error instanceof SettingsError ? new CliError(error.message, 2) : error;
  }
}

/** Undefined when the one that was asked for cannot be used: a server would say so and not start. */
function chosenOf(settings: Settings, known: Awaited<ReturnType<typeof knownRuntimes>>): ReturnType<typeof chosenRuntime> | undefined {
  try {
    return chosenRuntime(settings, known);
  } catch (error) {
    if (error instanceof SettingsError) return undefined;
    throw error;
  }
}
