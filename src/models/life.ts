import { ServeError } from "../core/errors.ts";
import type { LoadCause } from "../core/events.ts";
import type { ModelState } from "../core/model.ts";
import { type Ending, Member, type Running } from "./member.ts";
import type { ModelVersion } from "./model-version.ts";
import type { Reservation } from "./residency/index.ts";

/** A model from its start to its end, with all its replicas. */
export class Life {
  readonly model: ModelVersion;
  /** Of its first load. */
  readonly cause: LoadCause;
  readonly #members = new Set<Member>();
  #end: (() => void) | undefined;
  #isOver = false;
  #keepsQueue = false;
  /** Settles with the end of the last replica. */
  readonly ended = new Promise<void>((resolve) => {
    this.#end = resolve;
  });
  /** What it holds where models are counted, however many replicas it has. */
  place: Reservation | undefined;
  /** Takes back the next attempt at a replica that could not be had. */
  cancelRetry: (() => void) | undefined;
  /** Attempts in a row that brought none. */
  failures = 0;

  constructor(model: ModelVersion, cause: LoadCause) {
    this.model = model;
    this.cause = cause;
  }

  /** Requests that wait are not for it to refuse: another life of the same model will answer them. */
  get keepsQueue(): boolean {
    return this.#keepsQueue;
  }

  /** Nothing is begun for it any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Those that are not on their way out: first those that answer, then in the order of their places. */
  get active(): readonly Member[] {
    const active = [...this.#members].filter(({ signal }) => !signal.aborted);
    return active.sort((one, other) => Number(other.serves) - Number(one.serves) || one.index - other.index);
  }

  /** Those that are on their way out. */
  get leaving(): readonly Member[] {
    return [...this.#members].filter(({ signal }) => signal.aborted);
  }

  /** What it holds of the budgets, also while it loads or leaves. */
  get reservations(): readonly Reservation[] {
    const held = [...this.#members].flatMap(({ reservation }) => reservation ?? []);
    return this.place === undefined ? held : [...held, this.place];
  }

  get running(): readonly Running[] {
    return [...this.#members].flatMap(({ running }) => running ?? []);
  }

  get serves(): boolean {
    return this.active.some((member) => member.serves);
  }

  /** Those that the model can do without: the first to go when there is no room. */
  get spare(): readonly Member[] {
    return this.active.slice(this.model.replicas.kept);
  }

  isSpare(member: Member): boolean {
    return this.spare.includes(member);
  }

  add(): Member {
    const taken = new Set([...this.#members].map(({ index }) => index));
    let index = 0;
    while (taken.has(index)) index++;
    const member = new Member(index);
    this.#members.add(member);
    return member;
  }

  /** It has ended; returns whether it was the last one. */
  delete(member: Member): boolean {
    this.#members.delete(member);
    if (this.#members.size > 0) return false;
    this.finish();
    this.release();
    this.#end?.();
    return true;
  }

  /** What one does is what the model does, as long as no other one answers. */
  report(reporting: Member, state: ModelState, reason: string): void {
    // What it was about to do when it was told to end nobody waits for.
    if (reporting.signal.aborted && state !== "draining") return;
    const others = this.active.some((member) => member !== reporting && member.serves);
    if (others) this.model.replicasChanged();
    else this.model.become(state, reason);
  }

  stop(reason: ServeError): void {
    this.#endAll("stop", reason);
  }

  /** Only of a model that answers and has nothing to do. */
  evict(): void {
    this.#endAll("evict", new ServeError("CANCELLED", "the model is being evicted"));
  }

  /** What is under way is answered; what waits is answered by the model's next host, if `goesOn`. */
  renew(goesOn: boolean): void {
    this.#keepsQueue = goesOn;
    this.#endAll("renew", new ServeError("CANCELLED", "the model gets another host"));
  }

  #endAll(ending: Ending, reason: ServeError): void {
    this.finish();
    for (const member of this.#members) member.end(ending, reason);
  }

  /** It no longer counts as a loaded model. */
  release(): void {
    this.place?.release();
    this.place = undefined;
  }

  /** Nothing more is begun. */
  finish(): void {
    this.#isOver = true;
    this.cancelRetry?.();
    this.cancelRetry = undefined;
  }
}
