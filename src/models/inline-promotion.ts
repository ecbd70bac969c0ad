import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";
import type { ModelSpec } from "../core/model.ts";
import type { ModelDescription, Replica } from "../core/replica.ts";
import { InlineCandidate } from "./inline-candidate.ts";
import type { InlineRuns } from "./inline-runs.ts";
import type { ModelVersion } from "./model-version.ts";

export interface InlinePromotionOptions {
  readonly clock: Clock;
  readonly runs: InlineRuns;
  /** The part of the time since it was last asked in which this process was busy, from 0 to 1. */
  readonly load: () => number;
  /** A model is answered inline from now on, or is not, for the reason that is given. */
  readonly onChange: (spec: ModelSpec, inline: boolean, reason: string) => void;
}

/** Milliseconds between two looks for something to open or close. */
const PERIOD_MS = 250;
/** The same while nothing waits to be opened. */
const QUIET_PERIOD_MS = 2_000;
/** Nothing is opened or closed when this process was busier. */
const MOST_LOAD = 0.5;
/** Predicted milliseconds of one row at which a model goes back to its host. */
const DEMOTION_COST = 1;
const MOST_SESSIONS = 64;
const MOST_BYTES = 64 * 1024 * 1024;
/** A session that has not been used for so long gives its place to a model that waits for one. Milliseconds. */
const UNUSED_AFTER_MS = 60_000;

/** What keeps a model's host in the scheduler, and with it perhaps a session in this process. */
export interface Attendance {
  /** The host, for the scheduler. */
  readonly replica: Replica;
  /** Its host is gone or going: settles when its session is closed. */
  end(): Promise<void>;
}

/**
 * Opens tiny models in this process when their hosts have proven them, and closes them when they have become slow: one at a time, and
 * only while this process has little to do and nothing waits for the model.
 */
export class InlinePromotion {
  readonly #options: InlinePromotionOptions;
  readonly #candidates = new Set<InlineCandidate>();
  #prepared: Promise<boolean> | undefined;
  #cancel: (() => void) | undefined;
  /** What is being opened or closed now. */
  #acting: Promise<void> | undefined;

  constructor(options: InlinePromotionOptions) {
    this.#options = options;
  }

  /** Before a model that might be answered inline is ready: what it takes, it takes while nothing waits for it. */
  async prepare(spec: ModelSpec, description: ModelDescription): Promise<void> {
    const { runs } = this.#options;
    if (!runs.suits(spec, description)) return;
    this.#prepared ??= runs.prepare().then(
      () => true,
      () => false,
    );
    await this.#prepared;
  }

  /** From the start of a host on; undefined for a model that stays there. */
  attend(model: ModelVersion, host: Replica): Attendance | undefined {
    if (!this.#options.runs.suits(model.spec, host.description)) return undefined;
    const candidate = new InlineCandidate(model, host, () => {
      // The next look may be a quiet one's, which is far away.
      this.#disarm();
      this.#arm();
    });
    this.#candidates.add(candidate);
    return { replica: candidate.observed(), end: () => this.#end(candidate) };
  }

  async #end(candidate: InlineCandidate): Promise<void> {
    candidate.ended = true;
    this.#candidates.delete(candidate);
    if (candidate.state === "opening" || candidate.state === "closing") await this.#acting;
    if (candidate.state === "open") await this.#close(candidate, "its host is gone");
    if (this.#candidates.size === 0) this.#disarm();
  }

  #arm(): void {
    if (this.#cancel !== undefined || this.#acting !== undefined) return;
    const waits = this.#in("proven").length > 0;
    if (!waits && this.#in("open").length === 0) return;
    // What was before does not count.
    this.#options.load();
    this.#cancel = this.#options.clock.after(waits ? PERIOD_MS : QUIET_PERIOD_MS, () => {
      this.#cancel = undefined;
      this.#acting = this.#act().finally(() => {
        this.#acting = undefined;
        this.#arm();
      });
    });
  }

  #disarm(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** At most one thing. */
  async #act(): Promise<void> {
    const open = this.#in("open");
    for (const candidate of open) this.#noteUse(candidate);
    if (this.#options.load() > MOST_LOAD) return;
    const slow = open.find(({ inline }) => (inline?.costOfOneRow ?? 0) > DEMOTION_COST);
    if (slow !== undefined) return await this.#close(slow, "it has become slow");
    const next = this.#in("proven").find(({ model }) => model.scheduler.queued === 0);
    if (next === undefined) return;
    if (this.#hasRoomFor(next)) return await this.#open(next);
    const now = this.#options.clock.now();
    const unused = open.filter(({ usedAt }) => now - usedAt > UNUSED_AFTER_MS).sort((left, right) => left.usedAt - right.usedAt)[0];
    if (unused !== undefined) await this.#close(unused, "it was not used, and others wait for its place");
  }

  #hasRoomFor({ model }: InlineCandidate): boolean {
    const open = this.#in("open");
    const bytes = open.reduce((sum, other) => sum + other.model.spec.bytes, model.spec.bytes);
    return open.length < MOST_SESSIONS && bytes <= MOST_BYTES;
  }

  async #open(candidate: InlineCandidate): Promise<void> {
    const { model, host, sample } = candidate;
    const { runs, clock, onChange } = this.#options;
    candidate.state = "opening";
    try {
      if ((await this.#prepared) !== true) throw new Error("ONNX Runtime cannot be loaded into the server");
      candidate.inline = await runs.open(model.spec, host, sample);
    } catch (error) {
      candidate.state = "refused";
      const reason = messageOf(error);
      model.refuseInline(reason);
      onChange(model.spec, false, reason);
      return;
    }
    candidate.state = "open";
    candidate.usedAt = clock.now();
    candidate.runsSeen = candidate.inline.runs;
    // Whoever ended it meanwhile waits for this, and closes it.
    if (candidate.ended) return;
    candidate.remove = model.scheduler.add(candidate.inline);
    model.inline = true;
    onChange(model.spec, true, "its host has proven that it is small and fast");
  }

  /** What is under way is answered; the model's host answers what comes. */
  async #close(candidate: InlineCandidate, reason: string): Promise<void> {
    const { model, inline } = candidate;
    candidate.state = "closing";
    candidate.remove();
    if (model.inline) this.#options.onChange(model.spec, false, reason);
    model.inline = false;
    await inline?.close().catch(() => undefined);
    candidate.startAgain();
  }

  #noteUse(candidate: InlineCandidate): void {
    const runs = candidate.inline?.runs ?? 0;
    if (runs === candidate.runsSeen) return;
    candidate.runsSeen = runs;
    candidate.usedAt = this.#options.clock.now();
  }

  #in(state: InlineCandidate["state"]): InlineCandidate[] {
    return [...this.#candidates].filter((candidate) => candidate.state === state);
  }
}
