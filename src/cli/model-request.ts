import { readFile } from "node:fs/promises";
import { keyHeaders, withKeyHint } from "./api-key.ts";
import { CliError } from "./errors.ts";
import type { JsonObject } from "./infer-output.ts";
import { noServer } from "./server-address.ts";

/** Where requests for a model go. */
export interface ModelPlace {
  readonly name: string;
  /** The server's address, with the model's namespace when it is not the default one. */
  readonly server: string;
  /** The model's part of a path: /models/NAME or /models/NAME/versions/VERSION. */
  readonly path: string;
  /** The method to call; the model's default one when absent. */
  readonly method?: string;
}

export type Ask = (url: string, body?: JsonObject) => Promise<JsonObject>;

export function modelPlace(
  address: string,
  name: string,
  { namespace, modelVersion, method }: { readonly namespace?: string; readonly modelVersion?: string; readonly method?: string },
): ModelPlace {
  const server = namespace === undefined ? address : `${address}/serving/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
  const version = modelVersion === undefined ? "" : `/versions/${encodeURIComponent(modelVersion)}`;
  return { name, server, path: `/models/${encodeURIComponent(name)}${version}`, ...(method === undefined ? {} : { method }) };
}

/** Where this request goes: to V1 with instances, else to the Open Inference Protocol. */
export function inferUrl({ server, path, method }: ModelPlace, request: JsonObject): string {
  if ("instances" in request) return `${server}/v1${path}:${encodeURIComponent(method ?? "predict")}`;
  return `${metadataUrl({ server, path, ...(method === undefined ? {} : { method }) })}/infer`;
}

/** What describes the inputs of this request: those of its method, else of the model. */
export function metadataUrl({ server, path, method }: Omit<ModelPlace, "name">): string {
  return `${server}/v2${path}${method === undefined ? "" : `/methods/${encodeURIComponent(method)}`}`;
}

/**
 * The model's own example.
 * @throws CliError when it has none, with the options that give a request instead
 */
export async function exampleOf(ask: Ask, { server, path, name }: ModelPlace, options: string): Promise<JsonObject> {
  const { example } = await ask(`${server}/nitrous${path}`);
  if (typeof example === "object" && example !== null) return example as JsonObject;
  throw new CliError(`model ${name} has no example; give ${options}, or put an example.json into its folder`);
}

/**
 * A request from a JSON file; - is standard input.
 * @throws CliError for a file that cannot be read or is no request
 */
export async function readRequest(file: string): Promise<JsonObject> {
  const name = file === "-" ? "standard input" : file;
  let text: string;
  try {
    text = file === "-" ? await readStandardInput() : await readFile(file, "utf8");
  } catch (error) {
    throw new CliError(`cannot read ${name}: ${(error as Error).message}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CliError(`${name} is not JSON: ${(error as Error).message}`);
  }
  if (typeof value !== "object" || value === null || !("instances" in value || "inputs" in value)) {
    throw new CliError(`${name} must be an object with "inputs" (Open Inference Protocol) or "instances" (V1)`);
  }
  return value as JsonObject;
}

async function readStandardInput(): Promise<string> {
  let text = "";
  for await (const chunk of process.stdin.setEncoding("utf8")) text += chunk;
  return text;
}

/**
 * GET without a body, POST with one.
 * @throws CliError with what the server says when it refuses, or that there is none
 */
export async function callModel(url: string, apiKey: string | undefined, body?: JsonObject): Promise<JsonObject> {
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
