import { describe, expect, it } from "vitest";
import { testExtensions } from "../../../../test/oip-extensions.ts";
import { createRecord, RequestContext } from "../../../core/context.ts";
import type { InferRequest, ParameterValue } from "../../../core/inference.ts";
import type { DataPlane } from "../../../core/planes.ts";
import { createOipRoutes } from "./routes.ts";

const STARTED = 1000;
const DEADLINE = 61_000;

const asked: InferRequest[] = [];
const dataPlane: DataPlane = {
  admit: () => undefined,
  passes: () => false,
  signature: () => Promise.reject(new Error("not asked")),
  infer(request) {
    asked.push(request);
    return Promise.resolve({ modelName: "m", modelVersion: "1", output: { kind: "tensors", tensors: [] } });
  },
};
const routes = createOipRoutes({
  dataPlane,
  controlPlane: undefined as never,
  memory: undefined as never,
  serverName: "",
  serverVersion: "",
  extensions: testExtensions(),
});

/** The request as the data plane gets it. */
async function infer(parameters: Readonly<Record<string, ParameterValue>> | undefined, priority?: 2): Promise<InferRequest> {
  const route = routes.find(({ path }) => path === "/v2/models/{model}/infer");
  const context = new RequestContext({ deadline: DEADLINE, record: createRecord("oip", "", STARTED) });
  context.priority = priority;
  const text = JSON.stringify({ inputs: [], parameters }, (_, value: unknown) => (typeof value === "bigint" ? Number(value) : value));
  await route?.handle({
    method: "POST",
    params: { model: "m" },
    headers: {},
    query: new URLSearchParams(),
    context,
    body: Buffer.from(text),
  });
  return asked.at(-1) as InferRequest;
}

describe("Triton's schedule parameters", () => {
  it("ask for a time in microseconds; what that means is the model's owner's to say", async () => {
    for (const [timeout, milliseconds] of [
      [250_000, 250],
      [1, 0.001],
      [0, undefined],
      [2n ** 63n, 2 ** 63 / 1000],
    ] as const) {
      const { context } = await infer({ timeout });
      expect([context.timeoutMs, context.deadline]).toEqual([milliseconds, DEADLINE]);
    }
  });

  it("say who goes first; 0 says nothing, more than 5 is 5, and a header holds", async () => {
    const priorities: unknown[] = [];
    for (const priority of [0, 1, 3, 5, 6, 4_294_967_295]) priorities.push((await infer({ priority })).context.priority);
    expect(priorities).toEqual([undefined, 1, 3, 5, 5, 5]);
    expect((await infer({ priority: 1 }, 2)).context.priority).toBe(2);
  });

  it("do not reach the model, or requests with different ones could not share a batch", async () => {
    expect((await infer({ timeout: 5, priority: 1, binary_data_output: false })).parameters).toBeUndefined();
    expect((await infer({ timeout: 5, k: "v" })).parameters).toEqual({ k: "v" });
    const { context, parameters } = await infer(undefined);
    expect([context.deadline, context.priority, parameters]).toEqual([DEADLINE, undefined, undefined]);
  });

  it.each<[Readonly<Record<string, ParameterValue>>, string]>([
    [{ timeout: -1 }, "parameters.timeout: expected a whole number of microseconds, got -1"],
    [{ timeout: 0.5 }, "parameters.timeout: expected a whole number of microseconds, got 0.5"],
    [{ timeout: "5" }, 'parameters.timeout: expected a whole number of microseconds, got "5"'],
    [{ priority: true }, "parameters.priority: expected a whole number, where 1 is served first, got true"],
  ])("are refused when they are none: %j", async (parameters, message) => {
    await expect(infer(parameters)).rejects.toMatchObject({ code: "INVALID_ARGUMENT", message });
  });
});
