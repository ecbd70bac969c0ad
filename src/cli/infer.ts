import { apiKeyOf } from "./api-key.ts";
import { CliError } from "./errors.ts";
import { type ModelMetadata, requestFromInputs } from "./infer-inputs.ts";
import { type JsonObject, renderAnswer } from "./infer-output.ts";
import { type Ask, callModel, exampleOf, inferUrl, type ModelPlace, metadataUrl, modelPlace, readRequest } from "./model-request.ts";
import { serverAddress } from "./server-address.ts";

interface InferOptions {
  readonly file?: string;
  readonly input?: readonly string[];
  readonly modelVersion?: string;
  readonly method?: string;
  readonly output?: string;
  readonly namespace?: string;
  readonly server?: string;
  readonly apiKey?: string;
}

/** `nitrous infer NAME`: one request from a file, from inputs, or the model's own example; prints the answer. */
export async function inferCommand(name: string, options: InferOptions): Promise<void> {
  const output = options.output ?? "table";
  if (output !== "table" && output !== "json") throw new CliError(`--output must be table or json, not '${output}'`, 2);
  if (options.file !== undefined && options.input !== undefined) throw new CliError("give --file or --input, not both", 2);
  const address = serverAddress(options.server, process.env);
  const place = modelPlace(address, name, options);
  const apiKey = apiKeyOf(options.apiKey, process.env);
  const ask = (url: string, body?: JsonObject): Promise<JsonObject> => callModel(url, apiKey, body);
  const request = await requestOf(ask, place, options);
  const answer = await ask(inferUrl(place, request), request);
  process.stdout.write(output === "json" ? `${JSON.stringify(answer, undefined, 2)}\n` : renderAnswer(answer));
}

async function requestOf(ask: Ask, place: ModelPlace, options: InferOptions): Promise<JsonObject> {
  if (options.file !== undefined) return await readRequest(options.file);
  if (options.input === undefined) return await exampleOf(ask, place, "--file or --input");
  const metadata = (await ask(metadataUrl(place))) as unknown as ModelMetadata;
  return requestFromInputs(options.input, metadata);
}
