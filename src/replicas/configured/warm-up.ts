import { messageOf, ServeError } from "../../core/errors.ts";
import type { InitialTensor, ModelConfiguration, WarmUpSample } from "../../core/model-configuration.ts";
import { defaultMethodOf, type Replica, type ReplicaCall } from "../../core/replica.ts";
import type { Tensor } from "../../core/tensor.ts";
import { untilAborted } from "../../core/until-aborted.ts";
import { checkSize, readInitialTensor } from "../sequences/initial-tensor.ts";

const MOST_REQUESTS = 65_536;

type Configuration = Pick<ModelConfiguration, "inputs" | "maxBatchSize" | "sequenceBatching" | "warmUp">;

/**
 * Sends the samples of `model_warmup` to a replica that no client has reached yet, each as often as it says.
 * @param folder the model's, with the folder `warmup`
 * @returns what an operator should know: samples that were passed over
 * @throws ServeError with the code of what failed, naming the sample; the signal's reason
 */
export async function warmUp(
  replica: Replica,
  configuration: Configuration,
  { folder, report, signal }: { readonly folder: string; readonly report: (step: string) => void; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  const passedOver: string[] = [];
  for (const sample of configuration.warmUp) {
    if (sample.batchSize === 0) {
      passedOver.push(`its warm-up sample '${sample.name}' was not sent: its batch_size is 0`);
      continue;
    }
    report(`warming it up with the sample '${sample.name}'`);
    try {
      const calls = await callsOf(sample, configuration, replica, folder);
      for (let time = 0; time < sample.count; time++) await untilAborted(send(replica, calls, signal), signal);
    } catch (error) {
      signal.throwIfAborted();
      const code = error instanceof ServeError ? error.code : "INTERNAL";
      throw new ServeError(code, `its warm-up sample '${sample.name}' failed: ${messageOf(error)}`, { cause: error });
    }
  }
  return passedOver;
}

/** As many requests of one row as the sample's batch has, in one call where rows can be put together. */
async function callsOf(
  { batchSize, inputs }: WarmUpSample,
  configuration: Configuration,
  { description }: Replica,
  folder: string,
): Promise<readonly ReplicaCall[]> {
  const method = defaultMethodOf(description) ?? "";
  const hasRows = (configuration.maxBatchSize ?? 0) > 0;
  const signature = description.methods[method];
  const known = new Set(configuration.inputs.map(({ name }) => name));
  // Controls and states come with every request of a sequence.
  const given = Object.entries(inputs).filter(([name]) => known.has(name) || configuration.sequenceBatching === undefined);
  if (batchSize > MOST_REQUESTS) throw new ServeError("INVALID_ARGUMENT", `its batch_size is ${batchSize}, and may be ${MOST_REQUESTS}`);
  for (const [name, { datatype, dims }] of given) checkSize(name, datatype, dims, batchSize);
  const rows = await Promise.all(given.map(([name, initial]) => rowOf(name, initial, folder)));
  const joins = hasRows && signature?.together !== true && signature?.streaming !== true;
  const tensors = hasRows ? rows.map((tensor) => repeated(tensor, joins ? batchSize : 1)) : rows;
  const call: ReplicaCall = { method, payload: { kind: "tensors", tensors } };
  return joins ? [call] : Array<ReplicaCall>(batchSize).fill(call);
}

async function rowOf(name: string, initial: InitialTensor, folder: string): Promise<Tensor> {
  if (initial.dims.every((dimension) => dimension >= 0)) return await readInitialTensor(name, initial, folder);
  throw new ServeError("INVALID_ARGUMENT", `all dimensions of its input '${name}' must be said, and its dims are [${initial.dims}]`);
}

function repeated(tensor: Tensor, rows: number): Tensor {
  const shape = [rows, ...tensor.shape];
  if (tensor.datatype === "BYTES") return { ...tensor, shape, data: Array.from({ length: rows }, () => tensor.data).flat() };
  return { ...tensor, shape, data: Buffer.concat(Array.from({ length: rows }, () => tensor.data)) };
}

async function send(replica: Replica, calls: readonly ReplicaCall[], signal: AbortSignal): Promise<void> {
  const [first] = calls;
  const signature = replica.description.methods[first?.method ?? ""];
  if (signature?.streaming === true) {
    for (const call of calls) {
      const answers = replica.stream(call, signal)[Symbol.asyncIterator]();
      while ((await answers.next()).done !== true);
    }
    return;
  }
  // Requests of one sequence at a time: these are all of the one without an id.
  if (signature?.together !== true || signature.stateful === true || replica.runTogether === undefined) {
    for (const call of calls) await replica.run(call);
    return;
  }
  for (const result of await replica.runTogether(calls)) if (result instanceof ServeError) throw result;
}
