import type { RequestContext } from "../core/context.ts";
import type { Entry } from "./entry.ts";
import { deadlineExceeded } from "./refusals.ts";

interface Place {
  readonly context: RequestContext;
  /** Tells of the answer; undefined until there is one. */
  tell: (() => void) | undefined;
}

/**
 * Keeps answers back until all requests that came before have theirs, so that they leave in the order in which the requests came. The failure
 * of a request that no replica has had, or that nobody waits for, leaves at once; so does a request whose time is over meanwhile.
 */
export class AnswerOrder {
  readonly #places: Place[] = [];

  /** A request has come; returns who is told of its answer, and who of its failure. */
  place(context: RequestContext, resolve: Entry["resolve"], reject: Entry["reject"]): [Entry["resolve"], Entry["reject"]] {
    const place: Place = { context, tell: undefined };
    this.#places.push(place);
    const leave = (reason: Error): void => {
      this.#places.splice(this.#places.indexOf(place), 1);
      reject(reason);
      this.#release();
    };
    const hold = (tell: () => void): void => {
      place.tell = tell;
      this.#release();
      // It has left already when it was its turn.
      if (place.tell !== undefined) context.onAbort(leave);
    };
    return [
      (result) => hold(() => resolve(result)),
      (error) => {
        if (context.aborted === undefined && context.record.stage !== "queued") hold(() => reject(error));
        else leave(error);
      },
    ];
  }

  /** Gives up those whose time is over although they have an answer; returns when that of the next one is, in clock milliseconds. */
  expire(now: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { context, tell } of [...this.#places]) {
      if (tell === undefined) continue;
      if (context.deadline <= now) context.abort(deadlineExceeded(context));
      else next = Math.min(next, context.deadline);
    }
    return next;
  }

  #release(): void {
    for (let first = this.#places[0]; first?.tell !== undefined; first = this.#places[0]) {
      const { tell } = first;
      this.#places.shift();
      first.tell = undefined;
      first.context.onAbort(undefined);
      tell();
    }
  }
}
