import type { Command } from "commander";
import { SCOPES } from "../core/access.ts";
import { environmentVariable } from "../settings.ts";
import { API_KEY_DESCRIPTION } from "./api-key.ts";
import { CliError } from "./errors.ts";
import type { CreateKeyOptions, KeysPlace } from "./keys.ts";
import type { Terminal } from "./terminal.ts";

interface PlaceFlags {
  readonly server?: string;
  readonly apiKey?: string;
  readonly stateDir?: string;
}

/** `nitrous keys …`: keys on this machine, whether or not a server runs, or those of a server that is named. */
export function addKeysCommands(program: Command): void {
  const keys = program.command("keys").description("make, list and revoke the keys that clients need");
  inPlace(keys.command("create"))
    .description("make a key and print it, this once")
    .argument("<name>", "name of the key: lower-case letters, digits and -")
    .requiredOption("--scope <scopes...>", `what it is for: ${SCOPES.join(", ")}, with commas between them; admin includes the others`)
    .option("--model <patterns...>", "only these models: NAME, NAMESPACE/NAME, or either with a * at its end")
    .option("--expires <days>", "days after which it no longer works (default: never)")
    .option("--rate <rate>", "requests that it may send to each model, such as 100/s (default: what models and settings say)")
    .option("--burst <number>", "requests that may come at once after a pause (default: those of a second)")
    .action(async (name: string, options: CreateKeyOptions & PlaceFlags) => {
      const [{ createKeyCommand }, place, terminal] = await surroundings(options);
      await createKeyCommand(name, options, place, terminal);
    });
  inPlace(keys.command("list"))
    .description("list the keys, without what their holders send")
    .option("-o, --output <format>", "json or yaml (default: a table)")
    .action(async (options: { readonly output?: string } & PlaceFlags) => {
      const [{ listKeysCommand }, place, terminal] = await surroundings(options);
      await listKeysCommand(options, place, terminal);
    });
  inPlace(keys.command("revoke"))
    .description("end a key at once")
    .argument("<name>", "name of the key")
    .action(async (name: string, options: PlaceFlags) => {
      const [{ revokeKeyCommand }, place, terminal] = await surroundings(options);
      await revokeKeyCommand(name, place, terminal);
    });
}

function inPlace(command: Command): Command {
  return command
    .option("--state-dir <folder>", `state directory on this machine [${environmentVariable("state-dir")}]`)
    .option("--server <url>", `ask a server instead, which needs a key with the scope admin [${environmentVariable("server")}]`)
    .option("--api-key <key>", API_KEY_DESCRIPTION);
}

async function surroundings(flags: PlaceFlags): Promise<[typeof import("./keys.ts"), KeysPlace, Terminal]> {
  if (flags.server !== undefined && flags.stateDir !== undefined) throw new CliError("give --server or --state-dir, not both", 2);
  const [commands, { keysPlaceOf }, { serverAddress }, { apiKeyOf }, { processTerminal }] = await Promise.all([
    import("./keys.ts"),
    import("./keys-place.ts"),
    import("./server-address.ts"),
    import("./api-key.ts"),
    import("./terminal.ts"),
  ]);
  const named = flags.server ?? (flags.stateDir === undefined ? process.env[environmentVariable("server")] || undefined : undefined);
  const server = named === undefined ? undefined : serverAddress(flags.server, process.env);
  const place = await keysPlaceOf({ server, apiKey: apiKeyOf(flags.apiKey, process.env), stateDirectory: flags.stateDir }, process.env);
  return [commands, place, processTerminal()];
}
