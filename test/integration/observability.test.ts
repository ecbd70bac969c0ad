import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { recordedRequest, recordingHead } from "../../src/core/recording.ts";
import { type OtlpReceiver, startOtlpReceiver, valuesOf } from "../otlp-receiver.ts";
import { type ServerProcess, startServer, untilLoaded } from "../server-process.ts";

const MODEL = `
export class Model {
  async predict({ instances }) {
    await new Promise((done) => setTimeout(done, instances[0]));
    return instances;
  }
}
`;
const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";

let folder: string;
let recording: string;
let receiver: OtlpReceiver;
let server: ServerProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-observed-"));
  recording = join(folder, "requests.jsonl");
  await mkdir(join(folder, "slow"));
  await writeFile(join(folder, "slow/model.js"), MODEL);
  receiver = await startOtlpReceiver();
  const flags = ["--record", recording, "--traces", receiver.url, "--request-timeout", "1000"];
  server = await startServer([join(folder, "slow")], flags);
  await untilLoaded(server);
});

afterAll(async () => {
  await server?.stop();
  await receiver?.close();
  await rm(folder, { recursive: true });
});

function ask(model: string, milliseconds: number): Promise<Response> {
  return fetch(`${server.url}/v1/models/${model}:predict`, {
    method: "POST",
    body: JSON.stringify({ instances: [milliseconds] }),
    headers: { "Content-Type": "application/json", "X-API-Key": "nk_secret", traceparent: `00-${TRACE}-00f067aa0ba902b7-01` },
  });
}

describe("what a server tells of requests", () => {
  it("is in their answers, in the metrics, in traces and in the recording", async () => {
    const answered = await ask("slow", 20);
    const late = await ask("slow", 60_000);
    const unknown = await ask("nobody", 1);
    await fetch(`${server.url}/nowhere`);
    expect([answered, late, unknown].map(({ status }) => status)).toEqual([200, 504, 404]);
    const [first = "", second = ""] = [answered, late].map(({ headers }) => headers.get("server-timing") ?? "");
    expect(first).toMatch(/^total;dur=[\d.]+, queue;dur=[\d.]+, compute;dur=[\d.]+$/);
    expect(Number(/compute;dur=([\d.]+)/.exec(first)?.[1])).toBeGreaterThanOrEqual(15);
    expect(second).toMatch(/^total;dur=\d+/);

    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    const labels = 'namespace="default",model="slow",version="1"';
    expect(metrics).toContain(`nitrous_requests_total{${labels},protocol="v1",code="OK"} 1`);
    expect(metrics).toContain(`nitrous_requests_expired_total{${labels},protocol="v1",stage=`);
    expect(metrics).toMatch(/nitrous_calls_total\{namespace="default",model="slow",version="1",where="host",cut="\w+"\} 1/);
    expect(metrics).toContain(`nitrous_queue_requests{${labels}} 0`);
    expect(metrics).toContain('nitrous_http_refusals_total{status="404",reason=""} 1');

    await server.stop();
    const spans = receiver.spans.filter(({ name }) => name === "POST /v1/models/{model}:predict");
    expect(spans.map(({ attributes }) => valuesOf(attributes)["http.response.status_code"])).toEqual([200, 504, 404]);
    expect(receiver.spans.every(({ traceId }) => traceId === TRACE)).toBe(true);
    expect(receiver.spans.map(({ name }) => name)).toContain("compute");

    const text = await readFile(recording, "utf8");
    const [head = "", ...lines] = text.trimEnd().split("\n");
    expect(Date.parse(recordingHead.parse(JSON.parse(head)).startedAt)).toBeGreaterThan(0);
    const requests = lines.map((line) => recordedRequest.parse(JSON.parse(line)));
    expect(requests.map(({ path, text: body, outcome }) => [path, body, outcome])).toEqual([
      ["/v1/models/slow:predict", '{"instances":[20]}', "OK"],
      ["/v1/models/slow:predict", '{"instances":[60000]}', "DEADLINE_EXCEEDED"],
      ["/v1/models/nobody:predict", undefined, "NOT_FOUND"],
    ]);
    expect(text).not.toContain("nk_secret");
    expect((await stat(recording)).mode & 0o777).toBe(0o600);
  });

  it("is not written over a recording that is there", async () => {
    await expect(startServer([join(folder, "slow")], ["--record", recording])).rejects.toThrow(/is there already; remove it/);
  });
});
