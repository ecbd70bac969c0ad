import type { RequestContext } from "./context.ts";
import type { HttpHead } from "./http.ts";

/** An inference request that has ended, for those who look at more than its record: traces and recordings. */
export interface Exchange {
  readonly context: RequestContext;
  readonly method: string;
  /** With its query, as it was sent. */
  readonly path: string;
  /** The route's path, with its parameters' names. */
  readonly route: string;
  readonly headers: HttpHead["headers"];
  /** Decompressed; undefined when it was not read. */
  readonly body: Uint8Array | undefined;
  /** Undefined when nothing was answered. */
  readonly status: number | undefined;
}
