import type { RequestContext } from "../core/context.ts";
import { ServeError } from "../core/errors.ts";
import type { Response } from "./message.ts";

/** Replies that end only when the client goes away or the server closes, such as watches. */
export class OpenStreams {
  readonly #contexts = new Map<Response, RequestContext>();
  #closed = false;

  add(response: Response, context: RequestContext): void {
    if (this.#closed) {
      context.abort(closing());
      return;
    }
    this.#contexts.set(response, context);
    response.on("close", () => this.#contexts.delete(response));
  }

  /** Ends all of them, and those that come later at once. A client that does not read what it was sent is cut off. */
  close(): void {
    this.#closed = true;
    this.end(closing());
  }

  /** Ends all that there are now. */
  end(reason: ServeError): void {
    for (const [response, context] of this.#contexts) {
      context.abort(reason);
      if (response.writableNeedDrain) response.destroy();
    }
  }
}

function closing(): ServeError {
  return new ServeError("UNAVAILABLE", "the server is closing");
}
