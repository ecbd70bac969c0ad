import type { Clock } from "../../core/clock.ts";
import { messageOf, ServeError } from "../../core/errors.ts";
import type { HostEndpoint } from "../../core/executor.ts";
import type { ModelDescription, Replica } from "../../core/replica.ts";
import type { UpstreamSpec } from "../../core/upstream.ts";
import type { UpstreamRepository } from "./client.ts";
import { Clients } from "./clients.ts";
import { ConnectionLostError } from "./connection-lost.ts";
import { describeUpstream } from "./description.ts";
import { readExample } from "./example.ts";
import { UpstreamReplica } from "./replica.ts";
import type { RunningServer } from "./running-server.ts";

export interface OpenUpstreamOptions {
  readonly id: string;
  readonly spec: UpstreamSpec;
  readonly server: RunningServer;
  /** What the model holds of the server's process. */
  readonly place: HostEndpoint;
  readonly clock: Clock;
  /** File of the model's example. */
  readonly example?: string;
}

/** Milliseconds for which a server may not know a model that has been put into its folder, and between two questions meanwhile. */
const UNSEEN_PATIENCE_MS = 5_000;
const LOAD_AGAIN_MS = 500;
/** Milliseconds that a server may take to unload a model. */
const UNLOAD_PATIENCE_MS = 30_000;

/**
 * Waits until a model's server is ready, has it load the model when it has several, and asks it what the model takes; the replica that
 * comes of it has answered the model's example, if there is one.
 * @throws ServeError ABORTED when the server ends, what the server answers, or the signal's reason
 */
export async function openUpstream(options: OpenUpstreamOptions, report: (step: string) => void, signal: AbortSignal): Promise<Replica> {
  const { spec, server } = options;
  await server.whenReady(report, signal);
  if (spec.modelName === "") return openEmpty(options);
  const ended = new AbortController();
  void server.lost.then((how) => ended.abort(new ServeError("ABORTED", `its server ${how} while it loaded the model`)));
  const patient = AbortSignal.any([signal, ended.signal]);
  const clients = clientsOf(options);
  const repository = repositoryOf(spec, clients);
  let loading = false;
  try {
    if (repository !== undefined) {
      report("loading the model into its server");
      loading = true;
      await loadPatiently(repository, options, patient);
    }
    if (spec.protocols.some(({ protocol }) => protocol === "v2" || protocol === "grpc-v2")) report("asking its server what it takes");
    const description = await describeUpstream(spec, clients, (milliseconds) => pause(options.clock, milliseconds, patient), patient);
    const unload = unloadOf(options, repository);
    const parts = { ...options, clients, credit: spec.concurrency, ...(unload === undefined ? {} : { unload }) };
    return new UpstreamReplica({ ...parts, description: await warmedUp(options, clients, description, report, patient) });
  } catch (error) {
    if (loading) void unloadOf(options, repository)?.().finally(() => clients.close());
    else clients.close();
    // It says how the server ended; what the call said is that its connection did.
    throw ended.signal.aborted && !signal.aborted ? ended.signal.reason : error;
  }
}

/** A server that looks into its folder from time to time may not have seen the model yet. */
async function loadPatiently(repository: UpstreamRepository, options: OpenUpstreamOptions, signal: AbortSignal): Promise<void> {
  const { clock, spec } = options;
  const until = clock.now() + UNSEEN_PATIENCE_MS;
  for (;;) {
    try {
      await repository.load(spec.modelName, signal);
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ServeError) || error.code !== "NOT_FOUND" || clock.now() >= until) throw error;
      await pause(clock, LOAD_AGAIN_MS, signal);
    }
  }
}

/** A server of several models that is kept by a service without one of its own, such as the one that TrainedModels name. */
function openEmpty(options: OpenUpstreamOptions): Replica {
  const { spec } = options;
  const methods = { predict: { accepts: "json", inputs: [], outputs: [] } } as const;
  const description = { methods, framework: spec.runtime, frameworkVersion: "", warnings: [] };
  return new UpstreamReplica({ ...options, clients: new NoModel(spec.runtime), credit: spec.concurrency, description });
}

function clientsOf(options: OpenUpstreamOptions): Clients {
  const { spec, server, clock } = options;
  const { endpoint } = server;
  const url = spec.place.kind === "elsewhere" ? new URL(spec.place.url) : undefined;
  const base = url?.pathname.replace(/\/+$/, "") ?? "";
  return new Clients(
    spec.protocols,
    ({ protocol, port, path = protocol === "openai" ? "/v1" : "" }) => ({
      connect: (to) => endpoint.connect(to).catch(lost),
      port,
      model: spec.modelName,
      authority: url?.host ?? `127.0.0.1:${port}`,
      prefix: `${base}${path}`,
      clock,
      concurrency: spec.concurrency,
    }),
    spec.management,
  );
}

/** A server that has just ended takes no connections, and that may be known sooner than that it has ended. */
function lost(error: unknown): never {
  throw new ConnectionLostError(messageOf(error), { cause: error });
}

/** Undefined for a server that has only this model. @throws ServeError FAILED_PRECONDITION for one that cannot load any */
function repositoryOf({ shared, runtime }: UpstreamSpec, clients: Clients): UpstreamRepository | undefined {
  if (!shared) return undefined;
  const { repository } = clients;
  if (repository !== undefined) return repository;
  throw new ServeError(
    "FAILED_PRECONDITION",
    `runtime ${runtime} is for several models, which come and go through Open Inference Protocol; its protocolVersions name neither v2 nor grpc-v2`,
  );
}

class NoModel extends Clients {
  readonly #runtime: string;

  constructor(runtime: string) {
    super([], ({ port }) => {
      throw new ServeError("INTERNAL", `nobody asks port ${port} of a server without a model`);
    });
    this.#runtime = runtime;
  }

  override for(): never {
    const text = `this service has no storageUri, so it has no model of its own: it keeps the server of the runtime ${this.#runtime}`;
    throw new ServeError("NOT_FOUND", `${text}; ask for one of the models in there, such as its TrainedModels, by their names`);
  }
}

/** Nobody waits for a server that does not answer: it may end together with the model. */
function unloadOf(options: OpenUpstreamOptions, repository: UpstreamRepository | undefined): (() => Promise<void>) | undefined {
  if (repository === undefined) return undefined;
  const { clock, spec } = options;
  return async () => {
    const controller = new AbortController();
    const cancel = clock.after(UNLOAD_PATIENCE_MS, () =>
      controller.abort(new ServeError("DEADLINE_EXCEEDED", "the model was not unloaded in time")),
    );
    // One that is not there any more is what is wanted.
    await repository.unload(spec.modelName, controller.signal).catch(() => undefined);
    cancel();
  };
}

async function warmedUp(
  { spec, example }: OpenUpstreamOptions,
  clients: Clients,
  description: ModelDescription,
  report: (step: string) => void,
  signal: AbortSignal,
): Promise<ModelDescription> {
  if (example === undefined) return description;
  if (spec.protocols.every(({ protocol }) => protocol === "openai")) {
    return { ...description, warnings: ["its example.json was not tried: its server speaks OpenAI's protocol only"] };
  }
  const { value, payload } = await readExample(example);
  report("answering its example.json");
  try {
    await clients.for(payload, false).infer({ method: "predict", payload }, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw new ServeError("FAILED_PRECONDITION", `its server did not answer its example.json: ${messageOf(error)}`, { cause: error });
  }
  return { ...description, example: value };
}

function pause(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      cancel();
      reject(signal.reason);
    };
    const cancel = clock.after(milliseconds, () => {
      signal.removeEventListener("abort", abort);
      resolve();
    });
    signal.addEventListener("abort", abort, { once: true });
  });
}
