import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { FakeClock } from "../../test/fake-clock.ts";
import { startOtlpReceiver } from "../../test/otlp-receiver.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import type { Exchange } from "../core/exchange.ts";
import { type Observers, type ObserversOptions, openObservers } from "./observers.ts";

const notices: string[] = [];

function open(options: Partial<ObserversOptions>): Promise<Observers> {
  const common = { recording: undefined, traces: undefined, environment: {}, clock: new FakeClock(), version: "1" };
  return openObservers({ ...common, onNotice: (text) => notices.push(text), ...options });
}

const context = new RequestContext({ deadline: 1, record: createRecord("oip", "iris", 0) });
const exchange: Exchange = { context, method: "POST", path: "/", route: "/", headers: {}, body: undefined, status: 200 };

it.each([
  {},
  { OTEL_EXPORTER_OTLP_ENDPOINT: "" },
  { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9", OTEL_SDK_DISABLED: "true" },
  { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9", OTEL_TRACES_EXPORTER: "none" },
])("are none with %o", async (environment) => {
  const observers = await open({ environment });
  expect(observers.onExchange).toBe(undefined);
  expect(observers.families).toEqual([]);
});

it("send traces where the environment says, and say that it is not gRPC", async () => {
  const observers = await open({
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9", OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" },
  });
  expect(observers.onExchange).toBeInstanceOf(Function);
  expect(notices.splice(0)).toEqual([expect.stringContaining("not gRPC")]);
  await observers.close();
});

it("do not disturb each other, nor the request", async () => {
  const folder = mkdtempSync(join(tmpdir(), "nitrous-observers-"));
  const receiver = await startOtlpReceiver();
  const recording = { file: join(folder, "recording"), bodies: true, maxBytes: 1e6, requestTimeoutMs: 1 };
  const observers = await open({ recording, traces: `${receiver.url}/` });
  // Only the recording looks at this header.
  observers.onExchange?.({
    ...exchange,
    headers: {
      get accept(): string {
        throw new Error("no");
      },
    },
  });
  await observers.close();
  expect(notices.splice(0)).toEqual(["a request could not be observed: no"]);
  expect(receiver.spans.map(({ name }) => name)).toEqual(["POST /"]);
  await receiver.close();
  rmSync(folder, { recursive: true });
});
