import { isDeepStrictEqual } from "node:util";
import { type ApiObject, followObjects } from "./api-objects.ts";
import type { Client } from "./client.ts";
import { type Kind, pathOf, printedName, SERVICES } from "./kinds.ts";
import { isBehind, isBlocked, isStopped, readiness, type ServiceStatus, stateInWord, statusOf, whyNotReady } from "./service-status.ts";
import type { Terminal } from "./terminal.ts";

/** A service or TrainedModel that was applied, as it was before, if it was. */
interface Awaited {
  readonly kind: Kind;
  readonly before: ApiObject | undefined;
  readonly after: ApiObject;
}

interface WaitOptions {
  readonly seconds: number;
  /** How long a failure from before is taken for an old one, in milliseconds. */
  readonly graceMs?: number;
}

/** Whoever applies a failed service again wants a new attempt; the server needs a moment to begin with it. */
const GRACE_MS = 3000;

/**
 * Watches until each service serves what was applied, and says what happens on the way. False when one has failed for good, was
 * deleted, or the time was over.
 */
export async function waitUntilReady(
  services: readonly Awaited[],
  { seconds, graceMs = GRACE_MS }: WaitOptions,
  client: Client,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<boolean> {
  // Node 20 forgets an AbortSignal.timeout that only AbortSignal.any knows, which then never comes.
  const [timeUp, graceUp] = [new AbortController(), new AbortController()];
  const timers = [setTimeout(() => timeUp.abort(), seconds * 1000), setTimeout(() => graceUp.abort(), graceMs)];
  const deadline = AbortSignal.any([signal, timeUp.signal]);
  const places = new Map<string, Awaited[]>();
  for (const service of services) {
    const place = `${service.kind.plural} ${service.after.metadata.namespace ?? "default"}`;
    places.set(place, [...(places.get(place) ?? []), service]);
  }
  const results = await Promise.all(
    [...places.values()].map(async (awaited) => {
      const waiting = new NamespaceWait(awaited, client, terminal);
      await waiting.follow(AbortSignal.any([deadline, graceUp.signal]));
      waiting.oldFailuresCount();
      await waiting.follow(deadline);
      waiting.giveUp(seconds);
      return waiting.allReady;
    }),
  ).finally(() => {
    for (const timer of timers) clearTimeout(timer);
  });
  return results.every(Boolean);
}

class NamespaceWait {
  readonly #kind: Kind;
  readonly #namespace: string;
  readonly #client: Client;
  readonly #place: string;
  readonly #terminal: Terminal;
  readonly #pending: Map<string, Awaited>;
  readonly #said = new Map<string, string>();
  #excuseOld = true;
  allReady = true;

  /** @param awaited of one kind and namespace, at least one */
  constructor(awaited: readonly Awaited[], client: Client, terminal: Terminal) {
    const [{ kind, after }] = awaited as readonly [Awaited];
    const { namespace = "default" } = after.metadata;
    this.#kind = kind;
    this.#namespace = namespace;
    this.#client = client;
    this.#terminal = terminal;
    this.#place = namespace === "default" ? "" : ` -n ${namespace}`;
    this.#pending = new Map(awaited.map((each) => [each.after.metadata.name, each]));
  }

  /** Returns when nothing is pending, or with the signal. */
  async follow(signal: AbortSignal): Promise<void> {
    if (this.#pending.size === 0 || signal.aborted) return;
    for await (const step of followObjects(this.#client, pathOf(this.#kind, this.#namespace), {}, signal)) {
      if ("list" in step) {
        const names = new Set(step.list.items.map(({ metadata }) => metadata.name));
        for (const name of this.#pending.keys()) if (!names.has(name)) this.#fail(name, "was deleted");
        for (const object of step.list.items) this.#look(object);
      } else if (step.change.type === "DELETED") this.#fail(step.change.object.metadata.name, "was deleted");
      else this.#look(step.change.object);
      if (this.#pending.size === 0) return;
    }
  }

  /** From now on a failure is one, also when it is the same as before. */
  oldFailuresCount(): void {
    this.#excuseOld = false;
  }

  giveUp(seconds: number): void {
    for (const name of this.#pending.keys()) this.#fail(name, `is not ready after ${seconds} s: ${this.#said.get(name) ?? "Pending"}`);
  }

  #look(object: ApiObject): void {
    const { name } = object.metadata;
    const awaited = this.#pending.get(name);
    if (awaited === undefined) return;
    const status = statusOf(object);
    if (isOver(object, status)) {
      this.#pending.delete(name);
      const outcome = isStopped(status) ? "is stopped" : `is ready${status.url === undefined ? "" : ` at ${status.url}`}`;
      this.#terminal.print(`${printedName(this.#kind, name)} ${outcome}\n`);
      return;
    }
    const old =
      this.#excuseOld && awaited.before !== undefined && isDeepStrictEqual(failureOf(statusOf(awaited.before)), failureOf(status));
    if (!isBehind(object, status) && isBlocked(status) && status.nitrous.retry === undefined) {
      if (!old) this.#fail(name, whyNotReady(status) ?? stateInWord(object, status));
      return;
    }
    const [state, why] = [stateInWord(object, status), whyNotReady(status)];
    const texts = why?.startsWith(state) === true ? [why] : [state, why];
    this.#say(name, [...texts, status.nitrous.retry].filter(Boolean).join("; "));
  }

  #say(name: string, state: string): void {
    if (this.#said.get(name) === state) return;
    this.#said.set(name, state);
    this.#terminal.note(`${name}: ${state}`);
  }

  #fail(name: string, why: string): void {
    if (!this.#pending.delete(name)) return;
    this.allReady = false;
    this.#terminal.note(
      `nitrous: ${name}: ${why}\n'nitrous describe ${this.#kind === SERVICES ? "" : `${this.#kind.singular} `}${name}${this.#place}' says more`,
    );
  }
}

/** The newest spec serves, not only an older one; or it was never meant to. */
function isOver(object: ApiObject, status: ServiceStatus): boolean {
  if (isBehind(object, status)) return false;
  const { transitionStatus } = status.modelStatus ?? {};
  return isStopped(status) || (readiness(status) === "True" && (transitionStatus === undefined || transitionStatus === "UpToDate"));
}

function failureOf({ modelStatus }: ServiceStatus): unknown {
  return [modelStatus?.transitionStatus, modelStatus?.lastFailureInfo];
}
