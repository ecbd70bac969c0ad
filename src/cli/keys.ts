import type { Key, Keys, KeyWish } from "../core/access.ts";
import { ServeError } from "../core/errors.ts";
import { CliError } from "./errors.ts";
import { parseOutput, printValue } from "./print-objects.ts";
import { renderTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** Keys, and where they are in words. */
export interface KeysPlace {
  readonly keys: Keys;
  readonly place: string;
}

export interface CreateKeyOptions {
  /** With commas between them, or several. */
  readonly scope: readonly string[];
  readonly model?: readonly string[];
  /** Days. */
  readonly expires?: string;
  /** Such as "100/s". */
  readonly rate?: string;
  /** Requests that may come at once. */
  readonly burst?: string;
}

/** `nitrous keys create`: prints the key alone to standard output, this once. @throws CliError */
export async function createKeyCommand(
  name: string,
  options: CreateKeyOptions,
  { keys, place }: KeysPlace,
  terminal: Terminal,
): Promise<void> {
  const { scope, model, expires, rate, burst } = options;
  if (burst !== undefined && rate === undefined) throw new CliError("--burst needs --rate", 2);
  const wish: KeyWish = {
    name,
    scopes: listed(scope),
    ...(model === undefined ? {} : { models: listed(model) }),
    ...(expires === undefined ? {} : { expires: daysOf(expires) }),
    ...(rate === undefined ? {} : { rate: burst === undefined ? rate : `${rate} burst ${burst}` }),
  };
  // Before the key is there, after which a server may no longer answer without one.
  const others = await told(keys.list());
  const { key, token } = await told(keys.create(wish));
  terminal.print(`${token}\n`);
  terminal.note(`key ${key.name} created in ${place}; it is shown this once`);
  if (others.length === 0) terminal.note("It is the first one: from now on every client needs a key, except for liveness and readiness");
  if (![key, ...others].some(({ scopes }) => scopes.includes("admin"))) {
    terminal.note("No key has the scope admin: nobody can apply resources until one is made");
  }
}

/** `nitrous keys list` @throws CliError */
export async function listKeysCommand(
  options: { readonly output?: string },
  { keys, place }: KeysPlace,
  terminal: Terminal,
): Promise<void> {
  const output = parseOutput(options.output, ["json", "yaml"] as const);
  const found = await told(keys.list());
  if (output !== undefined) terminal.print(printValue(found, output));
  else if (found.length === 0) terminal.note(`there are no keys in ${place}`);
  else
    terminal.print(
      renderTable(
        ["NAME", "SCOPES", "MODELS", "RATE", "CREATED", "EXPIRES"],
        found.map((key) => rowOf(key, terminal.now())),
        terminal,
      ),
    );
}

/** `nitrous keys revoke` @throws CliError */
export async function revokeKeyCommand(name: string, { keys, place }: KeysPlace, terminal: Terminal): Promise<void> {
  await told(keys.revoke(name));
  terminal.note(`key ${name} revoked in ${place}`);
  const left = await keys.list().catch(() => undefined);
  if (left?.length === 0) {
    terminal.note(
      "It was the last one: a server that runs answers nobody until there is a new one; one that starts on loopback asks for none",
    );
  }
}

function rowOf({ name, scopes, models, rate = "-", created, expires }: Key, now: number): string[] {
  const expired = expires !== undefined && Date.parse(expires) <= now;
  const ends = expires === undefined ? "never" : expired ? "expired" : dayOf(expires);
  return [name, scopes.join(","), models.length === 0 ? "all" : models.join(","), rate, dayOf(created), ends];
}

function dayOf(time: string): string {
  return time.slice(0, 10);
}

function listed(texts: readonly string[]): string[] {
  return texts.flatMap((text) => text.split(",")).flatMap((text) => text.trim() || []);
}

function daysOf(text: string): number {
  const days = Number(/^(\d+(?:\.\d+)?)d?$/.exec(text)?.[1]);
  if (!(days > 0)) throw new CliError(`--expires ${text}: expected a number of days, such as 30`, 2);
  return days;
}

async function told<Value>(promise: Promise<Value>): Promise<Value> {
  try {
    return await promise;
  } catch (error) {
    throw error instanceof ServeError ? new CliError(error.message) : error;
  }
}
