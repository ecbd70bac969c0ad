import type { Events } from "../core/events.ts";
import type { ServiceEvent } from "../core/resource.ts";
import type { ServedRevision } from "../models/index.ts";
import type { Attempt } from "./course.ts";
import type { Rollout } from "./rollout.ts";
import type { ServiceEvents } from "./service-events.ts";
import { runtimeInWords, type ServiceRevision } from "./service-revision.ts";

/** Tells people what happens to one service, each thing once. */
export class ServiceStory {
  readonly #happenings: ServiceEvents;
  readonly #about: ServiceEvent["about"];
  /** What the last event was about: of the newest revision under "", of canaries under their names. */
  readonly #told = new Map<string, string>();
  #traffic = "";

  constructor(happenings: ServiceEvents, about: ServiceEvent["about"]) {
    this.#happenings = happenings;
    this.#about = about;
  }

  add(type: "Normal" | "Warning", reason: string, message: string): void {
    this.#happenings.record(this.#about, type, reason, message);
  }

  /** Something begins anew: the same failure after it is another one. */
  begin(reason: string, message: string): void {
    this.#told.clear();
    this.add("Normal", reason, message);
  }

  /** One event for each phase of each revision, for each failed attempt, and for each change of who gets how many of the requests. */
  tell({ target, canaries }: Rollout<ServiceRevision>, revisions: readonly ServedRevision[]): void {
    if (target !== undefined) this.#tellOf("", `generation ${target.revision.generation}`, target);
    for (const { name, attempt } of canaries) this.#tellOf(name, `canary ${name}`, attempt);
    this.#tellTraffic(revisions);
  }

  #tellOf(key: string, who: string, { phase, failure, revision, admitted }: Attempt<ServiceRevision>): void {
    const about = `${revision.key} ${revision.generation} ${phase} ${failure?.attempts ?? ""}`;
    if (about === this.#told.get(key)) return;
    this.#told.set(key, about);
    if (failure !== undefined) this.add("Warning", failure.reason, `${who}: ${failure.message}`);
    else if (phase === "ready") this.add("Normal", "Ready", `${who} answers requests`);
    else if (phase === "loading" && !admitted) this.add("Normal", "Loading", `${who} is loading`);
    else if (phase === "planning" && revision.reload !== true) this.add("Normal", "Applied", `${who}: ${runtimeInWords(revision.choice)}`);
  }

  #tellTraffic(revisions: readonly ServedRevision[]): void {
    const traffic = trafficInWords(revisions);
    if (traffic === this.#traffic || revisions.length === 0) return;
    const isNews = revisions.length > 1 || this.#traffic.includes(",");
    this.#traffic = traffic;
    if (isNews) this.add("Normal", "TrafficChanged", `of the requests ${traffic}`);
  }
}

/**
 * Tells what becomes of models that serve. `storyOf` finds the service of a model.
 * @returns the function that ends it
 */
export function tellOfModels(events: Events, storyOf: (namespace: string, model: string) => ServiceStory | undefined): () => void {
  const ends = [
    events.on("model-evicted", ({ namespace, model, cause, reason }) => {
      // What replaces it, or deletes it, is told by itself.
      if (cause !== "removed") storyOf(namespace, model)?.add("Normal", "Evicted", reason);
    }),
    events.on("model-scaled", ({ namespace, model, from, to, reason }) => {
      storyOf(namespace, model)?.add("Normal", "Scaled", `${from} -> ${to}: ${reason}`);
    }),
    events.on("replica-failed", ({ namespace, model, reason }) => {
      storyOf(namespace, model)?.add("Warning", "ReplicaFailed", `the others go on, and it is tried again: ${reason}`);
    }),
    events.on("model-outgrown", ({ namespace, model, action, reason }) => {
      const next = action === "restart" ? "it gets another host" : "it is refused from now on";
      storyOf(namespace, model)?.add("Warning", "Outgrown", `${reason}; ${next}`);
    }),
  ];
  return () => {
    for (const end of ends) end();
  };
}

/** For example `iris-00001 gets 90 %, iris-00002 gets 10 %`. */
function trafficInWords(revisions: readonly ServedRevision[]): string {
  return revisions.map(({ name, percent }) => `${name} gets ${Math.round(percent * 100) / 100} %`).join(", ");
}
