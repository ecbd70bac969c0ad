import { randomUUID } from "node:crypto";
import { Broadcast } from "../core/broadcast.ts";
import type { Events } from "../core/events.ts";
import type { ServiceEvent } from "../core/resource.ts";

/** Events that are remembered, of all resources together. */
const REMEMBERED = 1_000;

/** What happened to resources, for people: the latest events, and those to come. */
export class ServiceEvents {
  readonly #latest: ServiceEvent[] = [];
  readonly #events: Events;
  readonly #broadcast = new Broadcast<ServiceEvent>();

  constructor(events: Events) {
    this.#events = events;
  }

  record(about: ServiceEvent["about"], type: ServiceEvent["type"], reason: string, message: string): void {
    const event: ServiceEvent = {
      name: `${about.name}.${randomUUID().slice(0, 8)}`,
      time: new Date().toISOString(),
      type,
      reason,
      message,
      about,
    };
    this.#latest.push(event);
    if (this.#latest.length > REMEMBERED) this.#latest.shift();
    this.#broadcast.publish(event);
    this.#events.emit("service-event", event);
  }

  /** Oldest first. */
  list(namespace?: string): readonly ServiceEvent[] {
    return this.#latest.filter((event) => namespace === undefined || event.about.namespace === namespace);
  }

  /** From now on. */
  watch(namespace: string | undefined, signal: AbortSignal): AsyncIterable<ServiceEvent> {
    return this.#broadcast.subscribe(signal, ({ about }) => namespace === undefined || about.namespace === namespace);
  }

  close(): void {
    this.#broadcast.close();
  }
}
