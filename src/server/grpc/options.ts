import type { SecureContextOptions } from "node:tls";
import type { Clock } from "../../core/clock.ts";
import type { Events } from "../../core/events.ts";
import type { Exchange } from "../../core/exchange.ts";
import type { GrpcMethod } from "../../core/grpc.ts";
import type { HttpHead, Route } from "../../core/http.ts";
import type { BodyMemory } from "../body-memory.ts";
import type { HttpLimits } from "../limits.ts";

/** What a guard needs to know of a call. `targetLater`: which model it is about is in its messages, which have not come. */
export type Guarded = Pick<Route, "access" | "target"> & { readonly targetLater?: boolean };

export interface GrpcServerOptions {
  readonly methods: readonly GrpcMethod[];
  /** Asked before any message is read, and again when the message of a call about a model has been: who asks. @throws ServeError */
  readonly guard: (call: Guarded, head: Pick<HttpHead, "params" | "headers">) => string;
  /** Certificate, key and least version; without it the connections are plain. */
  readonly tls?: SecureContextOptions;
  readonly clock: Clock;
  readonly events: Events;
  /** Bytes of a message, also when decompressed. */
  readonly maxMessageBytes: number;
  /** Milliseconds a request may take from its first byte to its answer. */
  readonly requestTimeoutMs: number;
  readonly limits?: HttpLimits;
  /** Where the bytes of all messages are counted, with those of others. */
  readonly memory?: BodyMemory;
  /** Told of failures that are bugs, with their cause and the call's `traceparent`. */
  readonly onFault: (error: Error, traceparent?: string) => void;
  /** Told of every inference request at its end, with what traces and recordings need. */
  readonly onExchange?: ((exchange: Exchange) => void) | undefined;
}
