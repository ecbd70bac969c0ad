import type { Socket } from "node:net";
import type { Clock } from "../../core/clock.ts";
import type { JsonObject, Payload } from "../../core/inference.ts";
import type { ReplicaCall } from "../../core/replica.ts";
import type { Signature } from "../../core/signature.ts";

/** Asks a server of a model's own in one protocol. Every error is a ServeError that says what the server answered. */
export interface UpstreamClient {
  /** What the model takes and gives; undefined where the protocol has no way to tell. */
  describe(signal: AbortSignal): Promise<UpstreamDescription | undefined>;
  /** @throws ServeError UNIMPLEMENTED naming the field that the protocol has no place for */
  infer(call: ReplicaCall, signal: AbortSignal): Promise<Payload>;
  /** Pieces as they come: what nobody reads is not fetched. */
  stream(call: ReplicaCall, signal: AbortSignal): AsyncIterable<Payload>;
  /** Only of protocols with Open Inference Protocol's repository extension. */
  readonly repository?: UpstreamRepository;
  /** Connections that are kept end now. */
  close(): void;
}

export interface UpstreamDescription {
  readonly signature: Signature;
  /** For example "tritonserver" and "2.51.0". */
  readonly platform: string;
  readonly version: string;
  /** As Triton's model configuration extension prints it. */
  readonly configuration?: JsonObject;
}

export interface UpstreamRepository {
  load(model: string, signal: AbortSignal): Promise<void>;
  unload(model: string, signal: AbortSignal): Promise<void>;
  /** Names of the models that are loaded. */
  list(signal: AbortSignal): Promise<readonly string[]>;
}

/** How a client reaches the server: a new connection to one of its ports. */
export type ConnectTo = (port: number) => Promise<Socket>;

export interface UpstreamClientOptions {
  readonly connect: ConnectTo;
  readonly port: number;
  /** What the server calls the model. */
  readonly model: string;
  /** For the Host header, such as 127.0.0.1:8080. */
  readonly authority: string;
  /** Before every path; empty, or of a server elsewhere, such as /serving/default/iris. */
  readonly prefix: string;
  /** Of the deadlines that calls have in their origin. */
  readonly clock: Clock;
  /** Calls at once, and so many connections at most. */
  readonly concurrency: number;
}

/** A grpc probe: `grpc.health.v1.Health/Check` of a service over a connection of its own. The status as the protocol names it. */
export type HealthCheck = (connect: ConnectTo, port: number, service: string, signal: AbortSignal) => Promise<string>;
