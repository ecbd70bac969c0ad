import type { Socket } from "node:net";
import type { ContainerSpec } from "./container.ts";
import type { HostEndpoint } from "./executor.ts";

/** What a server of its own may speak: KServe's V1, Open Inference Protocol over HTTP and gRPC, OpenAI's routes. */
export type UpstreamProtocol = "v1" | "v2" | "grpc-v2" | "openai";

/** A model that a server of its own answers for: a program or container of a ServingRuntime, or a server elsewhere. */
export interface UpstreamSpec {
  /** The runtime's name. */
  readonly runtime: string;
  readonly place: UpstreamPlace;
  /** At least one. */
  readonly protocols: ReadonlyArray<UpstreamEndpoint>;
  /** What the server calls the model; empty for a shared server that this spec only starts. */
  readonly modelName: string;
  /** Calls at once. */
  readonly concurrency: number;
  /** Requests may share a call, as the spec says. */
  readonly batchable: boolean;
  /** The server holds several models, which come and go through Open Inference Protocol's repository extension. */
  readonly shared: boolean;
  /** Of a shared server: where it loads and unloads, when that is not where it answers. */
  readonly management?: UpstreamEndpoint;
  /** Where it tells its metrics, such as port 8082 and /metrics. */
  readonly metrics: { readonly port: number; readonly path: string } | undefined;
  /** It uses a GPU by itself when it sees one. */
  readonly takesDevice?: boolean;
}

export interface UpstreamEndpoint {
  readonly protocol: UpstreamProtocol;
  /** As the program sees it; of a server elsewhere, the one of its URL. */
  readonly port: number;
  /** What stands before the protocol's own paths, such as `/openai/v1`; of OpenAI's `/v1` when absent, of the others nothing. */
  readonly path?: string;
}

export type UpstreamPlace =
  | { readonly kind: "container"; readonly container: ContainerSpec }
  /** `http://host:port/path`, `https://` or `grpc://`. */
  | { readonly kind: "elsewhere"; readonly url: string };

/** A running server. Its `connection` carries nothing. */
export interface ServerEndpoint extends HostEndpoint {
  /**
   * A new connection to one of its ports, by the number in its spec.
   * @throws ServeError UNAVAILABLE: nobody listens there, with the ports that it does listen on
   */
  connect(port: number): Promise<Socket>;
  /** Runs a command where the server runs; the last of what it printed. */
  exec(command: readonly string[], signal: AbortSignal): Promise<{ readonly code: number; readonly output: string }>;
}
