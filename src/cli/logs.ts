import { isNotFound, notFound } from "./api-objects.ts";
import type { Client } from "./client.ts";
import { CliError } from "./errors.ts";
import { SERVICES } from "./kinds.ts";
import type { Terminal } from "./terminal.ts";

export interface LogsOptions {
  readonly namespace: string;
  readonly follow?: boolean;
  readonly tail?: string;
}

/** `nitrous logs NAME`: what the model's processes printed, and with --follow what they print. @throws CliError */
export async function logsCommand(
  name: string,
  options: LogsOptions,
  client: Client,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const { namespace, follow = false, tail } = options;
  if (tail !== undefined && !/^\d+$/.test(tail)) throw new CliError(`--tail ${tail}: expected a number of lines`, 2);
  const path = `/nitrous/namespaces/${encodeURIComponent(namespace)}/models/${encodeURIComponent(name)}/logs`;
  const query = { follow: follow ? "true" : undefined, tailLines: tail };
  let printed = 0;
  try {
    for await (const line of client.lines(path, query, signal)) {
      terminal.print(`${line}\n`);
      printed++;
    }
  } catch (error) {
    throw isNotFound(error) ? await notFound(client, SERVICES, namespace, name) : error;
  }
  if (printed === 0 && !follow) terminal.note(`${name} has printed nothing; 'nitrous describe ${name}' says what it is doing`);
}
