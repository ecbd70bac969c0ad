import { ServeError } from "../../core/errors.ts";
import type { Payload } from "../../core/inference.ts";
import type { UpstreamEndpoint, UpstreamProtocol } from "../../core/upstream.ts";
import type { UpstreamClient, UpstreamClientOptions, UpstreamRepository } from "./client.ts";
import { createGrpcClient } from "./grpc/index.ts";
import { createOpenAiClient } from "./openai-client.ts";
import { createV1Client } from "./v1-client.ts";
import { createV2Client } from "./v2-client.ts";

const FACTORIES: Readonly<Record<UpstreamProtocol, (options: UpstreamClientOptions) => UpstreamClient>> = {
  v1: createV1Client,
  v2: createV2Client,
  "grpc-v2": createGrpcClient,
  openai: createOpenAiClient,
};

/** Who can answer what came in each form, best first: the same form, then the one that loses least. */
const TENSORS: readonly UpstreamProtocol[] = ["v2", "grpc-v2", "v1", "openai"];
const STREAMS: readonly UpstreamProtocol[] = ["grpc-v2", "v2", "v1", "openai"];
const JSON_VALUES: readonly UpstreamProtocol[] = ["v1", "v2", "grpc-v2", "openai"];

/** A client for each protocol that a server speaks. */
export class Clients {
  readonly #clients: ReadonlyMap<UpstreamProtocol, UpstreamClient>;
  readonly #management: UpstreamClient | undefined;

  /** @param management where a server loads and unloads its models, when that is not where it answers */
  constructor(
    endpoints: readonly UpstreamEndpoint[],
    optionsFor: (endpoint: UpstreamEndpoint) => UpstreamClientOptions,
    management?: UpstreamEndpoint,
  ) {
    const clientOf = (endpoint: UpstreamEndpoint): UpstreamClient => FACTORIES[endpoint.protocol](optionsFor(endpoint));
    this.#clients = new Map(endpoints.map((endpoint) => [endpoint.protocol, clientOf(endpoint)]));
    this.#management = management && clientOf(management);
  }

  /** Undefined for a server that cannot be told to load and unload models. */
  get repository(): UpstreamRepository | undefined {
    return (this.#management ?? this.get("v2") ?? this.get("grpc-v2"))?.repository;
  }

  get(protocol: UpstreamProtocol): UpstreamClient | undefined {
    return this.#clients.get(protocol);
  }

  /** @throws ServeError UNIMPLEMENTED for a body of a protocol that the server does not speak */
  for(payload: Payload, streams: boolean): UpstreamClient {
    if (payload.kind === "raw") {
      const protocol = payload.call?.protocol ?? "v1";
      const client = this.#clients.get(protocol);
      if (client !== undefined) return client;
      const speaks = [...this.#clients.keys()].join(", ");
      throw new ServeError("UNIMPLEMENTED", `the model's server does not speak ${protocol}; it speaks ${speaks}`);
    }
    const order = payload.kind !== "tensors" ? JSON_VALUES : streams ? STREAMS : TENSORS;
    const protocol = order.find((each) => this.#clients.has(each));
    return this.#clients.get(protocol as UpstreamProtocol) as UpstreamClient;
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
    this.#management?.close();
  }
}
