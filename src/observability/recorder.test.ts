import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../test/fake-clock.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import type { Exchange } from "../core/exchange.ts";
import { type RecordedRequest, recordedRequest, recordingHead } from "../core/recording.ts";
import { openRecorder, type Recorder, type RecorderOptions } from "./recorder.ts";

let folder: string;
let file: string;
let clock: FakeClock;
let notices: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "nitrous-recording-"));
  file = join(folder, "requests.jsonl");
  clock = new FakeClock();
  notices = [];
});

afterEach(() => rmSync(folder, { recursive: true }));

function open(options: Partial<RecorderOptions> = {}): Promise<Recorder> {
  return openRecorder({
    file,
    bodies: true,
    maxBytes: 1e6,
    clock,
    requestTimeoutMs: 60_000,
    onNotice: (text) => notices.push(text),
    ...options,
  });
}

interface Sent {
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  readonly principal?: string;
  readonly timeoutMs?: number;
  readonly namespace?: string;
}

function exchange({ body, headers = {}, principal = "", timeoutMs = 60_000, namespace = "default" }: Sent): Exchange {
  const startedAt = clock.now();
  const record = { ...createRecord("oip", "iris", startedAt), namespace, finishedAt: startedAt + 1.2345 };
  const context = new RequestContext({ deadline: startedAt + timeoutMs, record });
  context.principal = principal;
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  return { context, method: "POST", path: "/v2/models/iris/infer", route: "", headers, body: bytes, status: 200 };
}

function lines(): string[] {
  return readFileSync(file, "utf8").trimEnd().split("\n");
}

function requests(): RecordedRequest[] {
  return lines()
    .slice(1)
    .map((line) => recordedRequest.parse(JSON.parse(line)));
}

describe("a recording", () => {
  it("has a head, and for each request when it came, what it said and how it ended", async () => {
    const recorder = await open();
    await clock.advance(12.5);
    const headers = { "content-type": "application/json", authorization: "Bearer nk_secret", "x-api-key": "nk_secret", cookie: "a=b" };
    recorder.record(exchange({ body: '{"ä":1}', headers, principal: "alice", timeoutMs: 250 }));
    await recorder.close();
    expect(recordingHead.parse(JSON.parse(lines()[0] ?? "")).nitrousRecording).toBe(1);
    expect(requests()).toEqual([
      {
        at: 12.5,
        method: "POST",
        path: "/v2/models/iris/infer",
        headers: { "content-type": "application/json" },
        bytes: 8,
        text: '{"ä":1}',
        timeoutMs: 250,
        principal: expect.stringMatching(/^[0-9a-f]{8}$/),
        outcome: "OK",
        durationMs: 1.235,
      },
    ]);
    expect(readFileSync(file, "utf8")).not.toMatch(/secret|alice|cookie/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it("gives bytes that are not UTF-8 as base64, names the namespace that the Host named, leaves out what is very long, and tells principals apart", async () => {
    const recorder = await open();
    recorder.record(exchange({ body: Uint8Array.of(1, 255, 0), principal: "alice", namespace: "prod" }));
    recorder.record(exchange({ body: new Uint8Array(3 * 1024 * 1024), principal: "bob" }));
    recorder.record(exchange({ body: "", principal: "alice" }));
    await recorder.close();
    const [first, second, third] = requests();
    expect(first).toMatchObject({ base64: "Af8A", bytes: 3, headers: { "nitrous-namespace": "prod" } });
    expect([second?.text, second?.base64, second?.bytes]).toEqual([undefined, undefined, 3 * 1024 * 1024]);
    expect([third?.text, third?.base64, third?.bytes]).toEqual([undefined, undefined, 0]);
    expect(first?.principal).toBe(third?.principal);
    expect(first?.principal).not.toBe(second?.principal);
  });

  it("has sizes only, without bodies, and the declared one of a body that was never read", async () => {
    const recorder = await open({ bodies: false });
    recorder.record(exchange({ body: "text" }));
    recorder.record(exchange({ headers: { "content-length": "77" } }));
    await recorder.close();
    expect(requests().map(({ bytes, text, base64 }) => [bytes, text, base64])).toEqual([
      [4, undefined, undefined],
      [77, undefined, undefined],
    ]);
  });

  it("is gathered for a moment before it is written", async () => {
    const recorder = await open();
    recorder.record(exchange({ body: "text" }));
    expect(readFileSync(file, "utf8")).toBe("");
    await clock.advance(100);
    await expect.poll(() => readFileSync(file, "utf8")).toContain('"text":"text"');
    await recorder.close();
  });

  it("ends at its limit, says so once, and is whole up to there", async () => {
    const recorder = await open({ maxBytes: 1000 });
    for (let index = 0; index < 20; index++) recorder.record(exchange({ body: `body ${index}` }));
    await recorder.close();
    expect(statSync(file).size).toBeLessThanOrEqual(1000);
    expect(requests().map(({ text }) => text)).toEqual(requests().map((_, index) => `body ${index}`));
    expect(notices).toEqual([expect.stringContaining("limit of 1000 bytes")]);
  });

  it("drops what a slow disk cannot take, and counts it", async () => {
    const recorder = await open({ maxBytes: 1e9 });
    const body = Buffer.alloc(2 * 1024 * 1024, 255);
    for (let index = 0; index < 8; index++) recorder.record(exchange({ body }));
    const dropped = recorder.families.find(({ name }) => name.includes("dropped"));
    await recorder.close();
    expect(requests()).toHaveLength(5);
    expect([...(dropped?.samples() ?? [])]).toEqual([{ labels: {}, value: 3 }]);
    expect(notices).toEqual([expect.stringContaining("the disk is slower")]);
  });

  it("leaves a file alone that is there already", async () => {
    writeFileSync(file, "mine");
    await expect(open()).rejects.toThrow(`cannot record requests in ${file}: it is there already`);
    expect(readFileSync(file, "utf8")).toBe("mine");
  });
});
