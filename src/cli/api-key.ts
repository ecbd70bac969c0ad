import { environmentVariable } from "../settings.ts";
import { CliError } from "./errors.ts";

const VARIABLE = environmentVariable("api-key");

/** For the help of options; other users of the machine see the options of a process, and not its variables. */
export const API_KEY_DESCRIPTION = `key to send to the server; better in [${VARIABLE}]`;

/**
 * The key to send: from --api-key, else NITROUS_API_KEY, else none.
 * @throws CliError for what no header can hold
 */
export function apiKeyOf(option: string | undefined, environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const key = (option ?? environment[VARIABLE])?.trim() || undefined;
  if (key !== undefined && !/^[\x21-\x7e]+$/.test(key)) {
    throw new CliError(`${option === undefined ? VARIABLE : "--api-key"} is not a key: expected what 'nitrous keys create' has printed`, 2);
  }
  return key;
}

export function keyHeaders(apiKey: string | undefined): Readonly<Record<string, string>> {
  return apiKey === undefined ? {} : { Authorization: `Bearer ${apiKey}` };
}

/** What the server says, and what to do about it when it asks for a key. */
export function withKeyHint(status: number, message: string): string {
  return status === 401 ? `${message}. 'nitrous keys create' makes one; ${VARIABLE} or --api-key is where commands take it from` : message;
}
