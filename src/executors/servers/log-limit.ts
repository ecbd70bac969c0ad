import type { Readable } from "node:stream";
import type { Clock } from "../../core/clock.ts";
import { followLines } from "../lines.ts";

/** A program that starts prints hundreds of lines; one that goes on like that is left out. */
const LINES_AT_ONCE = 1_000;
const LINES_PER_SECOND = 200;
/** Beyond it the program waits until its output is read. */
const BYTES_AT_ONCE = 4 * 1024 * 1024;
const BYTES_PER_SECOND = 512 * 1024;
/** Milliseconds after which lines that were left out are counted up. */
const TOLD_AFTER_MS = 1_000;
const TAIL_LINES = 40;

export interface LogLimitOptions {
  readonly clock: Clock;
  readonly onLine: (line: string) => void;
}

/** The output of one program, as much of it as may be. */
export interface LogLimit {
  /** Reads a stream; one that comes too fast is paused. */
  follow(stream: Readable): void;
  /** The last lines, also those that were left out. */
  tail(): readonly string[];
  /** Says what was left out; nothing comes after it. */
  close(): void;
}

/** Passes lines on up to a rate, with "N lines left out" for the others, and reads up to a rate, so that a flood costs little. */
export function limitLog({ clock, onLine }: LogLimitOptions): LogLimit {
  const lines = bucket(clock, LINES_AT_ONCE, LINES_PER_SECOND);
  const bytes = bucket(clock, BYTES_AT_ONCE, BYTES_PER_SECOND);
  const tail: string[] = [];
  let leftOut = 0;
  let cancel: (() => void) | undefined;
  const tell = (): void => {
    cancel?.();
    cancel = undefined;
    if (leftOut > 0) onLine(`${leftOut} ${leftOut === 1 ? "line" : "lines"} left out: it prints more than ${LINES_PER_SECOND} a second`);
    leftOut = 0;
  };
  const take = (line: string): void => {
    tail.push(line);
    if (tail.length > TAIL_LINES) tail.shift();
    if (lines.take(1)) {
      onLine(line);
    } else {
      leftOut++;
      cancel ??= clock.after(TOLD_AFTER_MS, tell);
    }
  };
  return {
    follow(stream) {
      followLines(stream, take);
      stream.on("data", (text: string) => {
        const wait = bytes.owe(text.length);
        if (wait === 0) return;
        stream.pause();
        clock.after(wait, () => stream.resume());
      });
    },
    tail: () => tail,
    close: tell,
  };
}

interface Bucket {
  /** Takes it when it is there. */
  take(amount: number): boolean;
  /** Takes it in any case; milliseconds until nothing is owed. */
  owe(amount: number): number;
}

/** What may be taken at once, and comes back by the second. */
function bucket(clock: Clock, capacity: number, perSecond: number): Bucket {
  let left = capacity;
  let at = clock.now();
  const fill = (): void => {
    const now = clock.now();
    left = Math.min(capacity, left + ((now - at) / 1000) * perSecond);
    at = now;
  };
  return {
    take(amount) {
      fill();
      if (left < amount) return false;
      left -= amount;
      return true;
    },
    owe(amount) {
      fill();
      left -= amount;
      return left < 0 ? (-left / perSecond) * 1000 : 0;
    },
  };
}
