import type { Clock } from "../core/clock.ts";
import { contentsOf, stampsAt, textOf } from "./artefact-files.ts";

/** Milliseconds between two looks at all that is watched, when nobody says otherwise, and at most while something changes. */
const LOOK_MS = 1_000;
/** Looks that must find the same before it counts: half-copied files are not loaded. */
const SETTLED = 2;
/** The same for nothing at all: what replaces a folder removes it first. */
const GONE = 5;

interface Watched {
  readonly path: string;
  readonly onChange: () => void;
  /** What somebody has been told of, or has begun with. */
  known: string;
  contents: string | undefined;
  /** What the last look found, and how many looks in a row have. */
  seen: string;
  times: number;
}

/**
 * Notices that files are others than they were, by looking at them: notifications of the system do not come from network file systems,
 * and there are only so many. A change counts when nothing has changed since the last look, and when the contents are others too.
 */
export class ArtefactWatch {
  readonly #clock: Clock;
  readonly #lookMs: number;
  readonly #watched = new Set<Watched>();
  #cancel: (() => void) | undefined;
  #looks = false;
  /** One after the other: hundreds may begin at once. */
  #hashed: Promise<void> = Promise.resolve();
  #closed = false;

  /** @param lookMs milliseconds between two looks while nothing changes */
  constructor(clock: Clock, lookMs: number = LOOK_MS) {
    this.#clock = clock;
    this.#lookMs = lookMs;
  }

  /**
   * Calls back after each change from now on. Settles when it is known what is there now.
   * @param path absolute, of a file or folder, which may come later
   * @returns the function that ends it
   */
  async watch(path: string, onChange: () => void): Promise<() => void> {
    const files = await stampsAt(path);
    const known = textOf(files);
    const watched: Watched = { path, onChange, known, contents: undefined, seen: known, times: SETTLED };
    this.#watched.add(watched);
    this.#hashed = this.#hashed.then(async () => {
      if (watched.known !== known || !this.#watched.has(watched)) return;
      const contents = await contentsOf(files);
      if (watched.known === known) watched.contents = contents;
    });
    this.#arm();
    return () => {
      this.#watched.delete(watched);
      if (this.#watched.size > 0) return;
      this.#cancel?.();
      this.#cancel = undefined;
    };
  }

  close(): void {
    this.#closed = true;
    this.#watched.clear();
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #arm(): void {
    if (this.#closed || this.#looks || this.#cancel !== undefined || this.#watched.size === 0) return;
    const changes = [...this.#watched].some(({ seen, known }) => seen !== known);
    this.#cancel = this.#clock.after(changes ? Math.min(LOOK_MS, this.#lookMs) : this.#lookMs, () => void this.#lookAtAll());
  }

  async #lookAtAll(): Promise<void> {
    this.#cancel = undefined;
    this.#looks = true;
    // One after the other: nobody waits for it.
    for (const watched of [...this.#watched]) if (this.#watched.has(watched)) await this.#look(watched);
    this.#looks = false;
    this.#arm();
  }

  async #look(watched: Watched): Promise<void> {
    const files = await stampsAt(watched.path);
    const text = textOf(files);
    watched.times = text === watched.seen ? watched.times + 1 : 1;
    watched.seen = text;
    if (text === watched.known || watched.times < (files === undefined ? GONE : SETTLED)) return;
    const contents = await contentsOf(files);
    const isSame = contents !== undefined && contents === watched.contents;
    watched.known = text;
    watched.contents = contents;
    if (!isSame && this.#watched.has(watched)) watched.onChange();
  }
}
