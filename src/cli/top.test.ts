import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { fakeTerminal } from "../../test/fake-terminal.ts";
import type { Client } from "./client.ts";
import { type LiveTerminal, topCommand } from "./top.ts";

const quiet = { failuresPerSecond: 0, replicas: { ready: 1, wanted: 1 }, queued: 0, namespace: "default", version: "1", reason: "" };
const iris = { ...quiet, model: "iris", state: "ready", memoryBytes: 50 * 2 ** 20, requestsPerSecond: 120.4, p50Ms: 1.25, p99Ms: 12.4 };
const wine = { ...quiet, model: "wine", state: "ready", memoryBytes: 2 ** 31, requestsPerSecond: 3.04, meanBatchSize: 2.5, p50Ms: 0.5 };
const broken = {
  ...{ ...quiet, model: "broken", state: "failed", reason: "it is corrupt\nlast words", memoryBytes: 0, requestsPerSecond: 0 },
  replicas: { ready: 0, wanted: 0 },
};
const snapshot = {
  time: "2026-01-01T12:34:56.000Z",
  version: "1.2.3",
  uptimeSeconds: 130,
  server: { cores: 0.25, eventLoopLagMs: 1.5, memoryBytes: 2 ** 27 },
  requests: { inFlight: 2, perSecond: 123.4, failuresPerSecond: 0 },
  accounts: [
    { name: "memory", reserved: 2 ** 30, budget: 2 ** 32 },
    { name: "models", reserved: 2, budget: 3 },
  ],
  models: [wine, broken, iris],
};

function clientOf(answers: readonly unknown[]): Client & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    server: "http://host:1",
    asked,
    async send(_method, path, query) {
      asked.push(`${path} ${JSON.stringify(query)}`);
      return answers[0];
    },
    async *lines(path, query, signal) {
      asked.push(`${path} ${JSON.stringify(query)}`);
      for (const answer of answers) yield JSON.stringify(answer);
      if (!signal.aborted) await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    },
  };
}

class FakeScreen extends EventEmitter implements LiveTerminal {
  columns = 80;
  rows = 24;
  isTTY = true;
  raw = false;
  text = "";
  restored = 0;
  readonly output = this as never;
  readonly input = this as never;
  write(text: string): void {
    this.text += text;
  }
  setRawMode(raw: boolean): void {
    this.raw = raw;
  }
  resume(): void {}
  pause(): void {}
  onEnd(): () => void {
    return () => this.restored++;
  }
  /** What is on it now, without what moves the cursor. */
  get shown(): string {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a terminal is told with
    return (this.text.split("\u001b[H").at(-1) ?? "").replace(/\u001b\[[0-9;?]*[a-zA-Z]/g, "").replaceAll("\r", "");
  }
}

const never = new AbortController().signal;

describe("nitrous top", () => {
  it("shows the server and its models, the busiest first", async () => {
    const terminal = fakeTerminal();
    await topCommand({ once: true }, clientOf([snapshot]), terminal, undefined, never);
    expect(terminal.out()).toBe(
      [
        "nitrous 1.2.3 at http://host:1   up 2m10s   12:34:56 UTC",
        "models   2 ready, 1 failed",
        "requests 123/s, 2 in flight",
        "budgets  memory 1.0 GiB of 4.0 GiB (25 %), models 2 of 3",
        "server   0.25 cores, 128 MiB, event loop lag 1.5ms",
        "",
        "MODEL    REVISION   STATE    REPL   QUEUE   BATCH   RPS↓     P50    P99    MEMORY   WHY",
        "iris     1          ready     1/1       0       -    120   1.3ms   12ms    50 MiB   -",
        "wine     1          ready     1/1       0     2.5    3.0   0.5ms      -   2.0 GiB   -",
        "broken   1          failed      0       0       -      0       -      -         -   it is corrupt …",
        "",
      ].join("\n"),
    );
  });

  it("fits into 80 columns with everything but the reason", async () => {
    const terminal = fakeTerminal({ width: 80 });
    await topCommand({ once: true, sort: "name" }, clientOf([snapshot]), terminal, undefined, never);
    const lines = terminal.out().split("\n");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(lines[6]).toMatch(/^MODEL +STATE +REPL +QUEUE +BATCH +RPS +P50 +P99 +MEMORY/);
    expect(lines.slice(7, 10).map((line) => line.split(" ", 1)[0])).toEqual(["broken", "iris", "wine"]);
  });

  it("shows names, what they are ordered by and states in 20 columns, and no half numbers", async () => {
    const terminal = fakeTerminal({ width: 20 });
    const models = [{ ...iris, model: "classifier-of-flowers" }, wine];
    await topCommand({ once: true }, clientOf([{ ...snapshot, models }]), terminal, undefined, never);
    expect(terminal.out().split("\n").slice(6)).toEqual(["MODEL   RPS↓  STATE", "class…   120  ready", "wine     3.0  ready", ""]);
  });

  it("says of a namespace without models that there are none, and where there are some", async () => {
    const empty = { ...snapshot, models: [] };
    const client = (models: readonly object[]): Client => ({
      ...clientOf([empty]),
      send: (_method, _path, query) => Promise.resolve({ ...snapshot, models: query?.namespace === undefined ? models : [] }),
    });
    const top = (models: readonly object[], options = {}) =>
      topCommand({ namespace: "taem", ...options }, client(models), fakeTerminal(), undefined, never);
    await expect(top([wine, { ...iris, namespace: "team" }])).rejects.toThrow("namespace taem has no models; default, team have some");
    await expect(top([wine], { once: true })).rejects.toThrow("namespace taem has no models; default has some");
    await top([], { once: true });
  });

  it("tells namespaces and revisions apart, and counts what fails", async () => {
    const models = [
      { ...iris, failuresPerSecond: 4 },
      { ...iris, version: "2", revision: "iris-00002", traffic: 10 },
      { ...wine, namespace: "team" },
    ];
    const terminal = fakeTerminal();
    await topCommand({ once: true }, clientOf([{ ...snapshot, models }]), terminal, undefined, never);
    expect(terminal.out()).toMatch(/^NAMESPACE +MODEL +REVISION .*ERR\/S/m);
    expect(terminal.out()).toMatch(/^default +iris +1 .* 4\.0 /m);
    expect(terminal.out()).toMatch(/^default +iris +iris-00002\/2 +10% /m);
    expect(terminal.out()).toMatch(/^team +wine +1 /m);
  });

  it("gives one snapshot as JSON, of the namespace that is asked for", async () => {
    const terminal = fakeTerminal();
    const client = clientOf([snapshot]);
    await topCommand({ output: "json", namespace: "team" }, client, terminal, undefined, never);
    expect(JSON.parse(terminal.out())).toEqual(snapshot);
    expect(client.asked).toEqual(['/nitrous/top {"namespace":"team"}']);
  });

  it("prints a table for each look where there is no terminal", async () => {
    const ending = new AbortController();
    const terminal = fakeTerminal({ onText: (text) => text.includes("up 3m") && ending.abort() });
    const client = clientOf([snapshot, { ...snapshot, uptimeSeconds: 180 }]);
    await topCommand({ interval: "5" }, client, terminal, undefined, ending.signal);
    expect(terminal.out().match(/^nitrous 1\.2\.3/gm)).toHaveLength(2);
    expect(client.asked).toEqual(['/nitrous/top {"watch":"1","interval":"5"}']);
  });

  it("refuses what it cannot sort by, and looks that are too frequent, and answers of others", async () => {
    const run = (options: object, answer: unknown = snapshot) => topCommand(options, clientOf([answer]), fakeTerminal(), undefined, never);
    await expect(run({ sort: "cpu" })).rejects.toThrow("--sort cpu: expected rps, p99, queue, memory, name");
    await expect(run({ interval: "0" })).rejects.toThrow("--interval 0: expected seconds from 0.5 to 3600");
    await expect(run({ once: true }, { items: [] })).rejects.toThrow("is it another version of nitrous?");
  });

  it("takes a terminal and gives it back: sorts, scrolls, follows its size, quits", async () => {
    const screen = new FakeScreen();
    const models = Array.from({ length: 30 }, (_, index) => ({ ...iris, model: `m${index + 10}`, requestsPerSecond: 100 - index }));
    const done = topCommand({}, clientOf([{ ...snapshot, models }]), fakeTerminal(), screen, never);
    await expect.poll(() => screen.shown).toContain("1 to 16 of 30");
    expect(screen.raw).toBe(true);
    expect(screen.text.startsWith("\u001b[?1049h\u001b[?25l")).toBe(true);
    screen.emit("data", Buffer.from("\u001b[B\u001b[B"));
    expect(screen.shown).toContain("3 to 18 of 30");
    screen.emit("data", Buffer.from("\u001b[6~\u001b[6~"));
    expect(screen.shown).toContain("15 to 30 of 30");
    screen.emit("data", Buffer.from("s"));
    expect(screen.shown).toContain("P99↓");
    screen.rows = 9;
    screen.emit("resize");
    expect(screen.shown).toMatch(/^MODEL/);
    expect(screen.shown.split("\n")).toHaveLength(9);
    screen.emit("data", Buffer.from("q"));
    await done;
    expect(screen.raw).toBe(false);
    expect(screen.text.endsWith("\u001b[?25h\u001b[?1049l")).toBe(true);
    expect([screen.restored, screen.listenerCount("resize"), screen.listenerCount("data")]).toEqual([1, 0, 0]);
  });

  it("gives the terminal back when the server is gone", async () => {
    const screen = new FakeScreen();
    const client: Client = {
      ...clientOf([]),
      // biome-ignore lint/correctness/useYield: nothing comes before it fails
      async *lines() {
        throw new Error("the server has gone");
      },
    };
    await expect(topCommand({}, client, fakeTerminal(), screen, never)).rejects.toThrow("the server has gone");
    expect(screen.text.endsWith("\u001b[?1049l")).toBe(true);
    expect(screen.raw).toBe(false);
  });
});
