import type { Clock } from "../../core/clock.ts";
import { ServeError } from "../../core/errors.ts";
import type { HttpReply, HttpRequest } from "../../core/http.ts";
import type { Activity } from "../../core/planes.ts";
import { type CoreEvent, coreEvent, EVENT_FIELDS, EVENTS } from "./core-event.ts";
import { objectReply, presenterFor } from "./presenter.ts";
import { type Selector, selectorOf } from "./selectors.ts";
import { type WatchEvent, wantsWatch, watchReply } from "./watch.ts";

/** Lists and watches of events. The resource version of a list is the name of its last event. */
export class EventHandlers {
  readonly #activity: Activity;
  readonly #clock: Clock;
  readonly #wallClock: () => number;

  constructor(activity: Activity, clock: Clock, wallClock: () => number) {
    this.#activity = activity;
    this.#clock = clock;
    this.#wallClock = wallClock;
  }

  list(request: HttpRequest, namespace: string | undefined): HttpReply {
    const presenter = presenterFor(request, EVENTS, this.#wallClock);
    const selector = inNamespace(selectorOf<CoreEvent>(request.query, EVENT_FIELDS), namespace);
    if (wantsWatch(request.query)) {
      const since = request.query.get("resourceVersion") ?? "";
      return watchReply({ request, clock: this.#clock, begin: (signal) => this.#watch(since, signal, selector), present: presenter.next });
    }
    const events = this.#events();
    return objectReply(presenter.list(events.at(-1)?.metadata.resourceVersion ?? "0", events.filter(selector)));
  }

  get(request: HttpRequest, namespace: string): HttpReply {
    const found = this.#events().find(({ metadata }) => metadata.namespace === namespace && metadata.name === request.params.name);
    if (found === undefined) throw new ServeError("NOT_FOUND", "there is no such event, or no longer");
    return objectReply(presenterFor(request, EVENTS, this.#wallClock).one(found));
  }

  /** What there is after `since` and what comes: nothing happens between the two calls, so nothing is lost. */
  #watch(since: string, signal: AbortSignal, wanted: (event: CoreEvent) => boolean): AsyncIterable<WatchEvent<CoreEvent>> {
    const present = this.#events();
    let missed = present;
    if (since !== "" && since !== "0") {
      const last = present.findIndex(({ metadata }) => metadata.resourceVersion === since);
      if (last < 0) throw new ServeError("OUT_OF_RANGE", `too old resource version: ${since}; list again`);
      missed = present.slice(last + 1);
    }
    const coming = this.#activity.watchEvents(undefined, signal);
    return (async function* added() {
      for (const object of missed) if (wanted(object)) yield { type: "ADDED", object } as const;
      for await (const event of coming) {
        const object = coreEvent(event);
        if (wanted(object)) yield { type: "ADDED", object } as const;
      }
    })();
  }

  #events(): CoreEvent[] {
    return this.#activity.events().map(coreEvent);
  }
}

function inNamespace({ matches }: Selector<CoreEvent>, namespace: string | undefined): (event: CoreEvent) => boolean {
  return (event) => (namespace === undefined || event.metadata.namespace === namespace) && matches(event);
}
