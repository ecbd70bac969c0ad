import { apiKeyOf } from "./api-key.ts";
import { CliError } from "./errors.ts";
import { callModel, modelPlace } from "./model-request.ts";
import { serverAddress } from "./server-address.ts";

interface ScaleOptions {
  readonly replicas: string;
  readonly modelVersion?: string;
  readonly namespace?: string;
  readonly server?: string;
  readonly apiKey?: string;
}

/**
 * `nitrous scale NAME --replicas 3`: so many processes that answer for a model, whatever its load, until `--replicas auto`.
 * @throws CliError with what the server says, and when fewer answer than were asked for
 */
export async function scaleCommand(name: string, options: ScaleOptions): Promise<void> {
  const place = modelPlace(serverAddress(options.server, process.env), name, options);
  const { replicas } = options;
  if (replicas !== "auto" && !/^\d+$/.test(replicas))
    throw new CliError(`--replicas: expected a whole number from 0 to 64, or auto; found '${replicas}'`, 2);
  const answer = await callModel(`${place.server}/nitrous${place.path}/scale`, apiKeyOf(options.apiKey, process.env), {
    replicas: replicas === "auto" ? replicas : Number(replicas),
  });
  const { ready = 0, starting = 0, wanted = 0, least = 1, most = 1, auto = true, obstacle } = answer.replicas as Partial<Counts>;
  const bounds = auto ? `; ${least} to ${most} by load` : "";
  // Such as one whose process has just died.
  const coming = ready < wanted && starting > 0 ? ` (${starting} starting)` : "";
  const shown = `${name} version ${answer.version} has ${ready} of ${wanted} ${wanted === 1 ? "replica" : "replicas"}${coming}${bounds}`;
  if (answer.state === "standby") process.stdout.write(`${name} version ${answer.version} is standby: ${answer.reason}\n`);
  else if (obstacle === undefined) process.stdout.write(`${shown}\n`);
  else throw new CliError(`${shown}: ${obstacle}; it is tried again from time to time`);
}

interface Counts {
  readonly ready: number;
  readonly starting: number;
  readonly wanted: number;
  readonly least: number;
  readonly most: number;
  readonly auto: boolean;
  readonly obstacle: string;
}
