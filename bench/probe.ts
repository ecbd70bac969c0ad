import { Agent, request as httpRequest } from "node:http";
import { percentile } from "../src/load/index.ts";

/**
 * A few requests a second of several kinds, each kind on a connection of its own and one at a time: what a client sees while
 * something else keeps the server busy. Runs in a process of its own; its parent says where a phase ends and gets its figures.
 */
export interface Question {
  readonly name: string;
  /** Milliseconds from one request to the next. */
  readonly period: number;
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: string;
}

export interface Latency {
  readonly count: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Of one phase, by the question's name. */
export type Answers = Readonly<Record<string, Latency>>;

const { url, questions } = JSON.parse(process.argv[2] ?? "{}") as { readonly url: string; readonly questions: readonly Question[] };
const taken = new Map(questions.map(({ name }) => [name, [] as number[]]));

for (const question of questions) void askAgainAndAgain(question);
process.on("message", () => {
  process.send?.(Object.fromEntries([...taken].map(([name, latencies]) => [name, summary(latencies)])));
});
process.on("disconnect", () => process.exit(0));

async function askAgainAndAgain(question: Question): Promise<never> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (;;) {
    const sentAt = performance.now();
    await ask(question, agent);
    const now = performance.now();
    taken.get(question.name)?.push(now - sentAt);
    await new Promise((resolve) => setTimeout(resolve, question.period - ((now - sentAt) % question.period)));
  }
}

function ask({ method, path, body }: Question, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) };
    const sent = httpRequest(url + path, { method, agent, headers }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`${method} ${path} answers ${response.statusCode}`));
      response.resume().on("end", resolve);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

function summary(latencies: number[]): Latency {
  const sorted = Float64Array.from(latencies.splice(0)).sort();
  return { count: sorted.length, p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99), max: percentile(sorted, 1) };
}
