import { readFile } from "node:fs/promises";
import { ServeError } from "../core/errors.ts";
import { ARRIVALS, type Arrivals, type LoadOrder, type LoadRequest, parseRecording, runLoad } from "../load/index.ts";
import { apiKeyOf, keyHeaders } from "./api-key.ts";
import { renderReport } from "./bench-report.ts";
import { CliError } from "./errors.ts";
import type { JsonObject } from "./infer-output.ts";
import { callModel, exampleOf, inferUrl, modelPlace, readRequest } from "./model-request.ts";
import { parseOutput, printValue } from "./print-objects.ts";
import { serverAddress } from "./server-address.ts";

interface BenchOptions {
  readonly connections?: string;
  readonly rate?: string;
  readonly arrivals?: string;
  readonly seconds?: string;
  readonly seed?: string;
  readonly deadline?: string;
  readonly priority?: string;
  readonly data?: string;
  readonly replay?: string;
  readonly speed?: string;
  readonly modelVersion?: string;
  readonly namespace?: string;
  readonly output?: string;
  readonly server?: string;
  readonly apiKey?: string;
}

const DEFAULT_CONNECTIONS = 16;
const DEFAULT_SECONDS = 10;
/** Of the time that is measured, before it: what is compiled on the way is not to count. */
const WARM_UP_SHARE = 0.1;

/** `nitrous bench MODEL`: puts load on a running server, and prints how it took it. */
export async function benchCommand(name: string | undefined, options: BenchOptions): Promise<void> {
  const output = parseOutput(options.output, ["json", "yaml"] as const);
  rejectContradictions(name, options);
  const address = serverAddress(options.server, process.env);
  const apiKey = apiKeyOf(options.apiKey, process.env);
  const { order, shown } =
    options.replay === undefined
      ? await modelOrder(name as string, address, apiKey, options)
      : await replayOrder(options.replay, address, apiKey, options);
  process.stderr.write(`${shown}\n`);
  const report = await runLoad(order).catch((error: unknown) => {
    throw error instanceof RangeError ? new CliError(error.message) : error;
  });
  process.stdout.write(output === undefined ? renderReport(report) : printValue(report, output));
  if (report.generator.void !== undefined) throw new CliError(`the figures are void: ${report.generator.void}`);
  if (report.answers === 0) throw new CliError("no request was answered with success");
}

function rejectContradictions(name: string | undefined, options: BenchOptions): void {
  const { replay, rate, connections, data, seconds, speed, arrivals, seed, modelVersion, namespace } = options;
  if (replay === undefined) {
    if (name === undefined) throw new CliError("name a model, or give --replay", 2);
    if (speed !== undefined) throw new CliError("--speed is for --replay", 2);
    if (rate !== undefined && connections !== undefined) {
      throw new CliError("give --connections for a closed loop or --rate for an open one, not both", 2);
    }
    if (rate === undefined && arrivals !== undefined) throw new CliError("--arrivals is for --rate", 2);
    if (rate === undefined && seed !== undefined) throw new CliError("--seed is for --rate", 2);
    return;
  }
  const ofModels = { "--connections": connections, "--data": data, "--model-version": modelVersion, "--namespace": namespace };
  const ofTime = { "--rate": rate, "--arrivals": arrivals, "--seconds": seconds, "--seed": seed };
  const other = Object.entries({ MODEL: name, ...ofModels, ...ofTime }).find(([, value]) => value !== undefined);
  if (other !== undefined) throw new CliError(`give --replay or ${other[0]}, not both: a recording says what is sent and when`, 2);
}

interface Ordered {
  readonly order: LoadOrder;
  /** What is going to happen, in a line. */
  readonly shown: string;
}

async function modelOrder(name: string, address: string, apiKey: string | undefined, options: BenchOptions): Promise<Ordered> {
  const place = modelPlace(address, name, options);
  const ask = (url: string, body?: JsonObject): Promise<JsonObject> => callModel(url, apiKey, body);
  const body = options.data === undefined ? await exampleOf(ask, place, "--data") : await readRequest(options.data);
  const url = inferUrl(place, body);
  // What is wrong with the request is better said once than counted.
  await ask(url, body);
  const seconds = positive("--seconds", options.seconds) ?? DEFAULT_SECONDS;
  const rate = positive("--rate", options.rate);
  const seed = Math.round(positive("--seed", options.seed) ?? 1);
  const connections = Math.ceil(positive("--connections", options.connections) ?? DEFAULT_CONNECTIONS);
  const load: LoadOrder["load"] =
    rate === undefined
      ? { kind: "closed", connections, seconds }
      : { kind: "open", rate, arrivals: arrivalsOf(options.arrivals), seconds, seed };
  const { origin, pathname } = new URL(url);
  const headers = { "content-type": "application/json", ...askedFor(options), ...keyHeaders(apiKey) };
  const request = { method: "POST", path: pathname, headers, body: JSON.stringify(body) };
  const how =
    rate === undefined
      ? `${connections} ${connections === 1 ? "connection" : "connections"}`
      : `${rate} requests a second (${load.kind === "open" ? load.arrivals : ""})`;
  return {
    order: { origin, requests: [request], load, warmUpSeconds: seconds * WARM_UP_SHARE, ...deadlineOf(options) },
    shown: `${name} at ${origin}: ${how} for ${seconds} s`,
  };
}

async function replayOrder(file: string, address: string, apiKey: string | undefined, options: BenchOptions): Promise<Ordered> {
  const speed = positive("--speed", options.speed) ?? 1;
  const text = await readFile(file, "utf8").catch((error: Error) => {
    throw new CliError(`cannot read ${file}: ${error.message}`);
  });
  try {
    const { startedAt, requests, times } = parseRecording(text, file);
    const { origin, pathname } = new URL(address);
    const prefix = pathname.replace(/\/+$/, "");
    const own = { ...askedFor(options), ...lowerCase(keyHeaders(apiKey)) };
    const sent = requests.map(
      (request): LoadRequest => ({ ...request, path: `${prefix}${request.path}`, headers: { ...request.headers, ...own } }),
    );
    const first = times[0] ?? 0;
    const faster = times.map((time) => (time - first) / speed);
    const seconds = ((faster.at(-1) ?? 0) / 1000).toFixed(1);
    return {
      order: { origin, requests: sent, load: { kind: "replay", times: faster }, ...deadlineOf(options) },
      shown: `${file}, recorded at ${startedAt}: ${sent.length} requests to ${origin} in ${seconds} s`,
    };
  } catch (error) {
    throw error instanceof ServeError ? new CliError(error.message) : error;
  }
}

/** What every request asks the scheduler for. */
function askedFor({ deadline, priority }: BenchOptions): Record<string, string> {
  return {
    ...(deadline === undefined ? {} : { "nitrous-timeout": deadline }),
    ...(priority === undefined ? {} : { "nitrous-priority": priorityOf(priority) }),
  };
}

function deadlineOf({ deadline }: BenchOptions): Pick<LoadOrder, "deadlineMs"> {
  const deadlineMs = positive("--deadline", deadline);
  // As the header that carries it.
  if (deadlineMs !== undefined && !Number.isInteger(deadlineMs)) {
    throw new CliError(`--deadline ${deadline}: expected a whole number of milliseconds`, 2);
  }
  return deadlineMs === undefined ? {} : { deadlineMs };
}

function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function positive(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new CliError(`${option} ${text}: expected a number above 0`, 2);
}

function priorityOf(text: string): string {
  if (/^[1-5]$/.test(text)) return text;
  throw new CliError(`--priority ${text}: expected a whole number from 1 (first) to 5`, 2);
}

function arrivalsOf(text = "poisson"): Arrivals {
  const found = ARRIVALS.find((each) => each === text);
  if (found === undefined) throw new CliError(`--arrivals ${text}: expected ${ARRIVALS.join(" or ")}`, 2);
  return found;
}
