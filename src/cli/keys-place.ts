import { existsSync } from "node:fs";
import { z } from "zod";
import { KeyFolder, keyFolderOf } from "../access/index.ts";
import { type Key, type Keys, type KeyWish, SCOPES } from "../core/access.ts";
import { readSettings, SettingsError, stateDirectoryOf } from "../settings.ts";
import { type Client, createClient } from "./client.ts";
import { CliError } from "./errors.ts";
import type { KeysPlace } from "./keys.ts";

export interface PlaceOptions {
  /** Address of a server, whose control API is asked. */
  readonly server: string | undefined;
  readonly apiKey: string | undefined;
  readonly stateDirectory: string | undefined;
}

const keySchema = z.object({
  name: z.string(),
  scopes: z.array(z.enum(SCOPES)),
  models: z.array(z.string()),
  created: z.string(),
  expires: z.string().optional(),
  rate: z.string().optional(),
});
const listSchema = z.object({ keys: z.array(keySchema) });
const createdSchema = z.object({ key: keySchema, token: z.string() });

/**
 * The keys of a server that is named, else those beside the state on this machine, whether or not a server runs: one that does sees
 * every change there.
 * @throws CliError
 */
export async function keysPlaceOf(
  { server, apiKey, stateDirectory }: PlaceOptions,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<KeysPlace> {
  if (server !== undefined) return { keys: createRemoteKeys(createClient(server, apiKey)), place: server };
  const flags = stateDirectory === undefined ? {} : { "state-dir": stateDirectory };
  try {
    const settings = await readSettings({ flags, environment, ...(existsSync("nitrous.yaml") ? { file: "nitrous.yaml" } : {}) });
    const place = keyFolderOf(stateDirectoryOf(settings));
    return { keys: new KeyFolder(place), place };
  } catch (error) {
    throw error instanceof SettingsError ? new CliError(error.message, 2) : error;
  }
}

/** Keys through a server's control API. What it refuses is a CliError. */
function createRemoteKeys(client: Client): Keys {
  return {
    async list(): Promise<readonly Key[]> {
      return understood(listSchema.safeParse(await client.send("GET", "/nitrous/keys")), client).keys;
    },
    async create(wish: KeyWish) {
      return understood(createdSchema.safeParse(await client.send("POST", "/nitrous/keys", {}, wish)), client);
    },
    async revoke(name: string) {
      await client.send("DELETE", `/nitrous/keys/${encodeURIComponent(name)}`);
    },
  };
}

function understood<Value>(parsed: z.ZodSafeParseResult<Value>, { server }: Client): Value {
  if (parsed.success) return parsed.data;
  throw new CliError(`what answers at ${server} has no keys: it is another server, or another version of nitrous`);
}
