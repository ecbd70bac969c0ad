/** What went wrong may not go wrong the next time. The message holds neither credentials nor a query. */
export class TryAgain extends Error {
  /** Seconds that the server asked to wait. */
  readonly retryAfter: number | undefined;

  constructor(message: string, options: { readonly retryAfter?: number | undefined; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "TryAgain";
    this.retryAfter = options.retryAfter;
  }
}
