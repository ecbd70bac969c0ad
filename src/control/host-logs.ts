import { Broadcast } from "../core/broadcast.ts";
import type { Events } from "../core/events.ts";

/** Lines that are remembered of each host, and characters of each line. */
const REMEMBERED = 500;
const LONGEST_LINE = 4_096;
/** Hosts that share models have names of their own each time, and nobody forgets those. */
const MOST_HOSTS = 2_000;

interface Line {
  readonly host: string;
  readonly text: string;
  /** Goes up by one with each line of any host. */
  readonly sequence: number;
}

/** What the host processes printed last, by the name of the host. */
export class HostLogs {
  readonly #lines = new Map<string, Line[]>();
  readonly #broadcast = new Broadcast<Line>();
  readonly #unsubscribe: () => void;
  #sequence = 0;

  constructor(events: Events) {
    this.#unsubscribe = events.on("host-log", ({ host, line }) => this.add(host, line));
  }

  add(host: string, line: string): void {
    const text = line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}…` : line;
    const added: Line = { host, text, sequence: this.#sequence++ };
    const lines = this.#lines.get(host) ?? [];
    this.#lines.set(host, lines);
    lines.push(added);
    if (lines.length > REMEMBERED) lines.shift();
    const [oldest] = this.#lines.keys();
    if (this.#lines.size > MOST_HOSTS && oldest !== undefined) this.#lines.delete(oldest);
    this.#broadcast.publish(added);
  }

  /** In the order in which they were printed. */
  list(isWanted: (host: string) => boolean): readonly string[] {
    const wanted = [...this.#lines].filter(([host]) => isWanted(host)).flatMap(([, lines]) => lines);
    return wanted.sort((left, right) => left.sequence - right.sequence).map(({ text }) => text);
  }

  /** Lines from now on. */
  follow(isWanted: (host: string) => boolean, signal: AbortSignal): AsyncIterable<string> {
    return texts(this.#broadcast.subscribe(signal, ({ host }) => isWanted(host)));
  }

  forget(isUnwanted: (host: string) => boolean): void {
    for (const host of [...this.#lines.keys()]) if (isUnwanted(host)) this.#lines.delete(host);
  }

  close(): void {
    this.#unsubscribe();
    this.#broadcast.close();
  }
}

async function* texts(lines: AsyncIterable<Line>): AsyncGenerator<string, void, undefined> {
  for await (const { text } of lines) yield text;
}
