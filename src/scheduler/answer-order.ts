import type { RequestContext } from "../core/context.ts";
import type { Entry } from "./entry.ts";

interface Place {
  /** Tells of the answer; undefined until there is one. */
  tell: (() => void) | undefined;
}

/**
 * Keeps answers back until all requests that came before have theirs, so that they leave in the order in which the requests came. The failure
 * of a request that no replica has had, or that nobody waits for, leaves at once.
 */
export class AnswerOrder {
  readonly #places: Place[] = [];

  /** A request has come; returns who is told of its answer, and who of its failure. */
  place(context: RequestContext, resolve: Entry["resolve"], reject: Entry["reject"]): [Entry["resolve"], Entry["reject"]] {
    const place: Place = { tell: undefined };
    this.#places.push(place);
    return [
      (result) => {
        place.tell = () => resolve(result);
        this.#release();
      },
      (error) => {
        if (context.aborted === undefined && context.record.stage !== "queued") place.tell = () => reject(error);
        else {
          this.#places.splice(this.#places.indexOf(place), 1);
          reject(error);
        }
        this.#release();
      },
    ];
  }

  #release(): void {
    while (this.#places[0]?.tell !== undefined) this.#places.shift()?.tell?.();
  }
}
