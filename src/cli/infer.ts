import { readFile } from "node:fs/promises";
import { apiKeyOf, keyHeaders, withKeyHint } from "./api-key.ts";
import { CliError } from "./errors.ts";
import { type ModelMetadata, requestFromInputs } from "./infer-inputs.ts";
import { type JsonObject, renderAnswer } from "./infer-output.ts";
import { noServer, serverAddress } from "./server-address.ts";

interface InferOptions {
  readonly file?: string;
  readonly input?: readonly string[];
  readonly modelVersion?: string;
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
  const { namespace } = options;
  const server = namespace === undefined ? address : `${address}/serving/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
  const version = options.modelVersion === undefined ? "" : `/versions/${encodeURIComponent(options.modelVersion)}`;
  const path = `/models/${encodeURIComponent(name)}${version}`;
  const apiKey = apiKeyOf(options.apiKey, process.env);
  const ask = (url: string, body?: JsonObject): Promise<JsonObject> => call(url, apiKey, body);
  const request = await requestOf(ask, server, path, name, options);
  const url = "instances" in request ? `${server}/v1${path}:predict` : `${server}/v2${path}/infer`;
  const answer = await ask(url, request);
  process.stdout.write(output === "json" ? `${JSON.stringify(answer, undefined, 2)}\n` : renderAnswer(answer));
}

type Ask = (url: string, body?: JsonObject) => Promise<JsonObject>;

async function requestOf(ask: Ask, server: string, path: string, name: string, options: InferOptions): Promise<JsonObject> {
  if (options.file !== undefined) return await readRequest(options.file);
  if (options.input !== undefined) return requestFromInputs(options.input, (await ask(`${server}/v2${path}`)) as unknown as ModelMetadata);
  const { example } = await ask(`${server}/nitrous${path}`);
  if (typeof example === "object" && example !== null) return example as JsonObject;
  throw new CliError(`model ${name} has no example; give --file or --input, or put an example.json into its folder`);
}

async function readRequest(file: string): Promise<JsonObject> {
  let text: string;
  try {
    text = file === "-" ? await readStandardInput() : await readFile(file, "utf8");
  } catch (error) {
    throw new CliError(`cannot read ${file}: ${(error as Error).message}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CliError(`${file} is not JSON: ${(error as Error).message}`);
  }
  if (typeof value !== "object" || value === null || !("instances" in value || "inputs" in value)) {
    throw new CliError(`${file} must be an object with "inputs" (Open Inference Protocol) or "instances" (V1)`);
  }
  return value as JsonObject;
}

async function readStandardInput(): Promise<string> {
  let text = "";
  for await (const chunk of process.stdin.setEncoding("utf8")) text += chunk;
  return text;
}

/** GET without a body, POST with one. */
async function call(url: string, apiKey: string | undefined, body?: JsonObject): Promise<JsonObject> {
  let response: Response;
  try {
    response = await fetch(
      url,
      body === undefined
        ? { headers: keyHeaders(apiKey) }
        : { method: "POST", body: JSON.stringify(body), headers: { ...keyHeaders(apiKey), "Content-Type": "application/json" } },
    );
  } catch (error) {
    throw noServer(url, (error as Error).cause as NodeJS.ErrnoException | undefined);
  }
  const text = await response.text();
  // A streaming model answers one JSON object a line.
  const lines = response.headers.get("content-type")?.includes("ndjson") ? text.trim().split("\n") : [text];
  const values = lines.map((line) => JSON.parse(line) as JsonObject);
  const answer = values.length === 1 ? (values[0] as JsonObject) : { predictions: values.map((value) => value.predictions) };
  if (!response.ok) throw new CliError(withKeyHint(response.status, String(answer.error ?? `the server answered ${response.status}`)));
  return answer;
}
