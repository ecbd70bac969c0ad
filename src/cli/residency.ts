import { apiKeyOf } from "./api-key.ts";
import { callModel, modelPlace } from "./model-request.ts";
import { serverAddress } from "./server-address.ts";

interface ResidencyOptions {
  readonly modelVersion?: string;
  readonly namespace?: string;
  readonly server?: string;
  readonly apiKey?: string;
}

/**
 * `nitrous load NAME`, `nitrous evict NAME` and `nitrous drain NAME`: has a model loaded before somebody asks for it, its memory free until
 * somebody does, or its requests refused until it is loaded again.
 * @throws CliError with what the server says
 */
export async function residencyCommand(verb: "load" | "evict" | "drain", name: string, options: ResidencyOptions): Promise<void> {
  const place = modelPlace(serverAddress(options.server, process.env), name, options);
  const { version, state, reason } = await callModel(
    `${place.server}/nitrous${place.path}/${verb}`,
    apiKeyOf(options.apiKey, process.env),
    {},
  );
  process.stdout.write(`${name} version ${version} is ${state}${reason === "" ? "" : `: ${reason}`}\n`);
}
