import type { Clock } from "../../core/clock.ts";
import { ServeError } from "../../core/errors.ts";
import type { ScrapedMetrics } from "../../core/scraped-metrics.ts";
import type { ServerEndpoint } from "../../core/upstream.ts";
import { answerTo } from "./http-answers.ts";
import { HttpConnections } from "./http-connections.ts";

/** One server that tells its metrics. */
export interface MetricSource {
  readonly endpoint: Pick<ServerEndpoint, "connect">;
  readonly port: number;
  /** Such as `/metrics`. */
  readonly path: string;
  readonly authority: string;
  readonly namespace: string;
  /** Undefined for a server of several models. */
  readonly model: string | undefined;
  readonly runtime: string;
}

interface Known {
  readonly source: MetricSource;
  readonly labels: Readonly<Record<string, string>>;
  readonly connections: HttpConnections;
}

/** Milliseconds that a server has to tell all of its metrics. */
const PATIENCE_MS = 2_000;
/** Bytes of them. */
const MOST_BYTES = 4 * 1024 * 1024;
/** Milliseconds for which an answer is good: several monitors may ask at once. */
const FRESH_MS = 3_000;
/** Prometheus' own, with the plain one that everybody has. */
const ACCEPT = "text/plain;version=0.0.4;q=0.9,text/plain;q=0.8,*/*;q=0.1";

/** Asks the servers of models for their metrics, when somebody asks this one. A server that does not tell them costs nobody more than its time. */
export class MetricSources {
  readonly #clock: Clock;
  readonly #known = new Set<Known>();
  #last: { readonly at: number; readonly scraped: Promise<readonly ScrapedMetrics[]> } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** From now on it is asked; until the returned function has been called. */
  add(source: MetricSource): () => void {
    const { endpoint, port, authority, namespace, model, runtime } = source;
    const named = { namespace, ...(model === undefined ? {} : { model }), runtime };
    const others = [...this.#known].filter(
      ({ source: other }) => other.namespace === namespace && other.model === model && other.runtime === runtime,
    );
    const taken = new Set(others.map(({ labels }) => labels.replica));
    let number = 0;
    while (taken.has(String(number))) number++;
    const connections = new HttpConnections({
      connect: (to) => endpoint.connect(to),
      port,
      model: "",
      authority,
      prefix: "",
      clock: this.#clock,
      concurrency: 1,
    });
    const known: Known = { source, labels: { ...named, replica: String(number) }, connections };
    this.#known.add(known);
    return () => {
      this.#known.delete(known);
      connections.close();
    };
  }

  /** What all of them tell now, or told a moment ago. Never throws. */
  scrape(): Promise<readonly ScrapedMetrics[]> {
    const now = this.#clock.now();
    if (this.#last !== undefined && now - this.#last.at < FRESH_MS) return this.#last.scraped;
    const scraped = Promise.all([...this.#known].map((known) => this.#ask(known)));
    this.#last = { at: now, scraped };
    return scraped;
  }

  async #ask({ source: { path }, labels, connections }: Known): Promise<ScrapedMetrics> {
    const startedAt = this.#clock.now();
    const controller = new AbortController();
    const late = new ServeError("DEADLINE_EXCEEDED", `no metrics within ${PATIENCE_MS} ms`);
    const cancel = this.#clock.after(PATIENCE_MS, () => controller.abort(late));
    const secondsNow = (): number => (this.#clock.now() - startedAt) / 1000;
    try {
      const question = { method: "GET", path, headers: { Accept: ACCEPT } } as const;
      const { body } = await answerTo(connections, question, controller.signal, MOST_BYTES);
      return { labels, text: body.toString(), seconds: secondsNow() };
    } catch {
      return { labels, text: undefined, seconds: secondsNow() };
    } finally {
      cancel();
    }
  }
}
