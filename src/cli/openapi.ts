import { apiKeyOf } from "./api-key.ts";
import { createClient } from "./client.ts";
import { serverAddress } from "./server-address.ts";
import type { Terminal } from "./terminal.ts";

export interface OpenApiOptions {
  readonly server?: string;
  readonly apiKey?: string;
}

/** `nitrous openapi`: the document that a running server has of its routes. @throws CliError */
export async function openapiCommand({ server, apiKey }: OpenApiOptions, terminal: Terminal): Promise<void> {
  const client = createClient(serverAddress(server, process.env), apiKeyOf(apiKey, process.env));
  terminal.print(`${JSON.stringify(await client.send("GET", "/openapi.json"), undefined, 2)}\n`);
}
