import type { Access } from "./access.ts";
import type { RequestContext } from "./context.ts";
import type { ServeError } from "./errors.ts";
import type { Target } from "./inference.ts";

/** One HTTP request as a route sees it; sockets, limits and compression have been dealt with by the server. */
export interface HttpRequest {
  readonly method: string;
  /** Path parameters, percent-decoded. */
  readonly params: Readonly<Record<string, string>>;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly query: URLSearchParams;
  readonly context: RequestContext;
  /** The whole body, decompressed. Empty for requests without one. */
  readonly body: Uint8Array;
}

export interface HttpReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An AsyncIterable is sent in pieces, as they come; an empty first piece sends the status and headers at once. */
  readonly body: string | Uint8Array | readonly Uint8Array[] | AsyncIterable<string | Uint8Array>;
}

/** What is known before the body is read. */
export interface HttpHead {
  readonly params: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The declared Content-Length, or 0. */
  readonly declaredBytes: number;
  readonly context: RequestContext;
}

export type HttpMethod = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface Route {
  readonly method: HttpMethod;
  /** Segments with `{parameter}`; a literal may follow a parameter in the last segment: "/v1/models/{model}:predict". */
  readonly path: string;
  /** Who may call it. There is no other list of what is public. */
  readonly access: Access;
  /** The one model that a request is about: keys that are limited to models open only routes that have this or {@link targetInBody}. */
  readonly target?: (head: Pick<HttpHead, "params" | "headers">) => Pick<Target, "namespace" | "name"> | undefined;
  /**
   * The same of a route whose bodies name the model: asked when the body is there, and then whoever sent it is asked again whether he may.
   * @throws ServeError
   */
  readonly targetInBody?: (request: HttpRequest) => Promise<Pick<Target, "namespace" | "name">>;
  /** Protocol of the request record, such as "v1" or "oip"; routes without one are not counted as inference. */
  readonly protocol?: string;
  /** Refuses before the body is read, by throwing a ServeError. */
  readonly gate?: (head: HttpHead) => void;
  /** The reply may be a stream that never ends by itself: its context is aborted as soon as the server begins to close. */
  readonly openEnded?: boolean;
  /** It only answers that its path does not take its method. */
  readonly refuses?: true;
  readonly handle: (request: HttpRequest) => HttpReply | Promise<HttpReply>;
  /** The protocol's own error body; also used for failures before `handle` is called. */
  readonly fail: (error: ServeError) => HttpReply;
}
