import type { Command } from "commander";
import { environmentVariable } from "../settings.ts";
import { API_KEY_DESCRIPTION } from "./api-key.ts";
import type { Client } from "./client.ts";
import { CliError } from "./errors.ts";
import type { Terminal } from "./terminal.ts";

const DEFAULT_NAMESPACE = "default";
export const DEFAULT_WAIT_SECONDS = 300;

export type ServerOptions = Record<string, unknown> & { readonly server?: string; readonly apiKey?: string; readonly namespace?: string };

/** What an action gets besides its arguments; a command's modules are loaded when it runs. */
export interface Surroundings {
  readonly client: Client;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

export function onServer(command: Command): Command {
  return command
    .option("--server <url>", `address of the server [${environmentVariable("server")}]`)
    .option("--api-key <key>", API_KEY_DESCRIPTION);
}

export function inNamespace(command: Command, description = "namespace (default: default)"): Command {
  return command.option("-n, --namespace <name>", description);
}

/** Ctrl-C needs nothing: it ends the process without a word, as it does by default. */
export async function surroundings({ server, apiKey }: ServerOptions): Promise<Surroundings> {
  const [{ createClient }, { serverAddress }, { apiKeyOf }, { processTerminal }] = await Promise.all([
    import("./client.ts"),
    import("./server-address.ts"),
    import("./api-key.ts"),
    import("./terminal.ts"),
  ]);
  const { signal } = new AbortController();
  return { client: createClient(serverAddress(server, process.env), apiKeyOf(apiKey, process.env)), terminal: processTerminal(), signal };
}

export function namespaceOf({ namespace = DEFAULT_NAMESPACE }: ServerOptions): string {
  return namespace;
}

/** Seconds of an option, whose value may be left out. @throws CliError */
export function secondsIn(flag: string, value: unknown): number {
  if (value === true) return DEFAULT_WAIT_SECONDS;
  const match = /^(\d+(?:\.\d+)?)(s|m|h)?$/.exec(String(value));
  const factor = { s: 1, m: 60, h: 3600 }[match?.[2] ?? "s"] ?? 1;
  const seconds = Number(match?.[1]) * factor;
  // Timers of Node hold 31 bits of milliseconds.
  if (match === null || seconds <= 0 || seconds > 2_000_000)
    throw new CliError(`${flag}=${String(value)}: expected seconds, or a time such as 5m`, 2);
  return seconds;
}
