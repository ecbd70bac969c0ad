import type { Access } from "./access.ts";
import type { RequestContext } from "./context.ts";
import type { ServeError } from "./errors.ts";
import type { HttpHead } from "./http.ts";
import type { Target } from "./inference.ts";

/** One message, in pieces that are sent behind each other. */
export type GrpcMessage = readonly Uint8Array[];

/** What a method knows of one message besides its bytes. */
export interface GrpcCall {
  /** Lower-case names; `host` is HTTP/2's `:authority`. */
  readonly metadata: HttpHead["headers"];
  /** Of the message when each is a request of its own, else of the call. */
  readonly context: RequestContext;
}

/** A message that has been read. */
export interface GrpcRequest {
  /** The one model that it is about: keys that are limited to models open only those. */
  readonly target?: Pick<Target, "namespace" | "name">;
  /** Begins at once; what is returned may still be under way. */
  answer(): GrpcMessage | Promise<GrpcMessage> | AsyncIterable<GrpcMessage>;
  /**
   * Whether it may have any number of answers, which go between those of other requests of its stream instead of after them. Asked after
   * `answer`; never rejects.
   */
  mayOvertake?(): Promise<boolean>;
}

/** One call of a gRPC service; sockets, limits, frames and compression have been dealt with by the server. */
export interface GrpcMethod {
  /** Such as "/grpc.health.v1.Health/Check". */
  readonly path: string;
  /** Who may call it. There is no other list of what is public. */
  readonly access: Access;
  /** Each message names a model. */
  readonly aboutModel?: boolean;
  /** Protocol of the request records; methods without one are not counted as inference. */
  readonly protocol?: string;
  /** Any number of requests, each with any number of answers, which are sent in the order of the requests but for those that may overtake. */
  readonly streaming?: boolean;
  /** An answer may never end by itself: its context is aborted as soon as the server begins to close. */
  readonly openEnded?: boolean;
  /** @throws ServeError for a message that cannot be read */
  readonly read: (message: Uint8Array, call: GrpcCall) => GrpcRequest;
  /** How a stream tells that one of its requests has failed and goes on; undefined where it ends with the error as its status. */
  readonly fail?: (error: ServeError, metadata: GrpcCall["metadata"], context: RequestContext) => GrpcMessage | undefined;
}
