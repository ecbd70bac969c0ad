import { type Code, messageOf, ServeError } from "../../core/errors.ts";
import type { ModelDescription } from "../../core/replica.ts";
import type { Signature } from "../../core/signature.ts";
import type { UpstreamSpec } from "../../core/upstream.ts";
import type { UpstreamDescription } from "./client.ts";
import type { Clients } from "./clients.ts";

/** What servers take that cannot tell: whatever comes. */
const ANYTHING: Signature = { accepts: "json", inputs: [], outputs: [] };

/** Milliseconds between two questions whether the model answers, while its server says that it does not yet. */
const ASK_AGAIN_MS = 250;

/** Questions to a port for gRPC that stays silent, of a server whose HTTP has answered meanwhile: ten seconds. */
const GRPC_ATTEMPTS = 40;

/** What a model's server tells of it. Where it speaks several protocols, gRPC tells most. @throws ServeError as the server answered, or the signal's reason */
export async function describeUpstream(
  spec: UpstreamSpec,
  clients: Clients,
  pause: (milliseconds: number) => Promise<void>,
  signal: AbortSignal,
): Promise<ModelDescription> {
  const told: UpstreamDescription[] = [];
  const warnings: string[] = [];
  for (const protocol of ["v2", "grpc-v2"] as const) {
    const client = clients.get(protocol);
    if (client === undefined) continue;
    for (let attempts = 1; ; attempts++) {
      try {
        const description = await client.describe(signal);
        if (description !== undefined) told.push(description);
        break;
      } catch (error) {
        signal.throwIfAborted();
        // Its server listens before it can say anything of the model.
        const code = error instanceof ServeError ? error.code : "INTERNAL";
        if (code === "UNAVAILABLE" && told.length > 0 && attempts >= GRPC_ATTEMPTS) {
          warnings.push(`its server does not answer over gRPC, and is asked over HTTP: ${messageOf(error)}`);
          break;
        } else if (code === "UNAVAILABLE") await pause(ASK_AGAIN_MS);
        // Some that speak V1 have not all of the other protocol.
        else if (code === "NOT_FOUND" && clients.get("v1") !== undefined) break;
        else throw unknownModel(spec, error, code);
      }
    }
  }
  const description = told.at(-1);
  const configuration = told.find((each) => each.configuration !== undefined)?.configuration;
  return {
    methods: methodsOf(spec, description?.signature ?? ANYTHING),
    framework: description?.platform || spec.runtime,
    frameworkVersion: description?.version ?? "",
    warnings,
    ...(configuration === undefined ? {} : { configuration }),
  };
}

function methodsOf(spec: UpstreamSpec, signature: Signature): Record<string, Signature> {
  const { inputs, accepts } = signature;
  const sharesRows = accepts === "json" || inputs.every(({ shape }) => shape[0] === -1);
  const predict: Signature = {
    ...signature,
    // Which numbers it converts itself, only the server knows.
    convertsNumbers: true,
    ...(spec.batchable && sharesRows ? { batchable: true } : {}),
  };
  const explains = spec.protocols.some(({ protocol }) => protocol === "v1");
  return explains ? { predict, explain: ANYTHING } : { predict };
}

function unknownModel({ modelName, runtime }: UpstreamSpec, error: unknown, code: Code): ServeError {
  return new ServeError(
    code === "NOT_FOUND" ? "FAILED_PRECONDITION" : code,
    `the server of runtime ${runtime} does not tell of model '${modelName}': ${messageOf(error)}`,
    { cause: error },
  );
}
