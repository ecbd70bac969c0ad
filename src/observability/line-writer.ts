import { type FileHandle, open } from "node:fs/promises";
import type { Clock } from "../core/clock.ts";
import { messageOf } from "../core/errors.ts";

export interface LineWriterOptions {
  readonly clock: Clock;
  /** Bytes that may wait for the disk; a line that comes on top is dropped. */
  readonly maxBuffered: number;
  /** Bytes of the file; the first line that would not fit ends it. */
  readonly maxBytes: number;
  /** Told once why nothing more is written. */
  readonly onEnd: (reason: string) => void;
  /** Told of the first line that was dropped. */
  readonly onDrop: () => void;
}

/** Milliseconds for which lines are gathered, so that a busy server makes ten writes in a second and not one for each request. */
const GATHER_MS = 100;

/** Appends lines to a new file that only its owner can read. Adding a line never waits for the disk. */
export class LineWriter {
  readonly #file: FileHandle;
  readonly #options: LineWriterOptions;
  #lines: string[] = [];
  #buffered = 0;
  #bytes = 0;
  #ended = false;
  #cancelTimer: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();
  written = 0;
  dropped = 0;

  private constructor(file: FileHandle, options: LineWriterOptions) {
    this.#file = file;
    this.#options = options;
  }

  /** @throws the file system's error, EEXIST for a file that is there already */
  static async create(path: string, options: LineWriterOptions): Promise<LineWriter> {
    return new LineWriter(await open(path, "wx", 0o600), options);
  }

  /** Nothing more is written: the file is full, or the disk has failed. */
  get ended(): boolean {
    return this.#ended;
  }

  /** `line` without its line break. */
  add(line: string): void {
    if (this.#ended) return;
    const bytes = Buffer.byteLength(line) + 1;
    if (this.#bytes + bytes > this.#options.maxBytes) {
      this.#end(`it has reached its limit of ${this.#options.maxBytes} bytes`);
      return;
    }
    if (this.#buffered + bytes > this.#options.maxBuffered) {
      this.dropped++;
      if (this.dropped === 1) this.#options.onDrop();
      return;
    }
    this.#lines.push(line);
    this.#buffered += bytes;
    this.#bytes += bytes;
    this.#cancelTimer ??= this.#options.clock.after(GATHER_MS, () => this.#flush());
  }

  /** Writes what waits and closes the file. */
  async close(): Promise<void> {
    this.#ended = true;
    this.#cancelTimer?.();
    this.#flush();
    await this.#writing;
    await this.#file.close();
  }

  #flush(): void {
    this.#cancelTimer = undefined;
    const lines = this.#lines;
    if (lines.length === 0) return;
    this.#lines = [];
    this.#writing = this.#writing.then(() => this.#write(lines));
  }

  async #write(lines: readonly string[]): Promise<void> {
    const text = Buffer.from(`${lines.join("\n")}\n`);
    try {
      await this.#file.appendFile(text);
      this.written += lines.length;
    } catch (error) {
      this.#end(messageOf(error));
    } finally {
      this.#buffered -= text.byteLength;
    }
  }

  #end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.onEnd(reason);
  }
}
