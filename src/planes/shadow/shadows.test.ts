import { beforeEach, expect, it } from "vitest";
import { FakeClock, settle } from "../../../test/fake-clock.ts";
import { createRecord, RequestContext } from "../../core/context.ts";
import { ServeError } from "../../core/errors.ts";
import type { InferRequest, JsonValue, Payload } from "../../core/inference.ts";
import type { DataPlane } from "../../core/planes.ts";
import type { ShadowRule } from "../../core/shadow.ts";
import type { Registry } from "../../models/index.ts";
import { Shadows } from "./shadows.ts";

const IRIS = { namespace: "default", name: "iris", uid: "1" };
const RULE: ShadowRule = { to: { service: "next" }, percent: 100, tolerance: 1e-6 };

let clock: FakeClock;
let shadows: Shadows;
let asked: InferRequest[];
let answers: Record<string, () => Promise<JsonValue | AsyncIterable<Payload>>>;
let states: Record<string, string>;
let told: string[];
let dice: number;

beforeEach(() => {
  clock = new FakeClock();
  asked = [];
  told = [];
  dice = 0;
  answers = { iris: async () => 1, next: async () => 1 };
  states = { next: "ready", iris: "ready" };
  const plane: DataPlane = {
    admit: () => undefined,
    passes: () => false,
    signature: () => Promise.reject(new Error("not asked for")),
    async infer(request) {
      asked.push(request);
      const value = await answers[request.target.name]?.();
      const isStream = typeof value === "object" && value !== null && Symbol.asyncIterator in value;
      return { modelName: "", modelVersion: "", output: isStream ? value : { kind: "json", value: value as JsonValue } };
    },
  };
  const registry = { find: ({ name }: { name: string }) => ({ state: states[name] }) } as unknown as Registry;
  shadows = new Shadows({ plane, registry, clock, onDifference: (_service, message) => told.push(message), random: () => dice });
});

function ask(headers: Record<string, string> = {}): Promise<unknown> {
  const context = new RequestContext({ deadline: 1000, record: createRecord("v2", "iris", 0) });
  context.headers = headers;
  return shadows.plane.infer({ target: { namespace: "default", name: "iris" }, payload: { kind: "json", value: [1] }, context });
}

async function rest(): Promise<void> {
  await settle();
  await clock.turn();
  await settle();
}

const report = () => shadows.reports()[0];

it("asks the shadow when the request has been answered, and compares", async () => {
  shadows.set(IRIS, RULE);
  await ask();
  expect(asked.map(({ target }) => target.name)).toEqual(["iris"]);
  await rest();
  expect(asked.map(({ target, context }) => [target.name, context.priority])).toEqual([
    ["iris", undefined],
    ["next", 5],
  ]);
  expect(asked[1]?.context).not.toBe(asked[0]?.context);
  expect(report()).toMatchObject({ model: "iris", shadow: "service/next", results: { equal: 1, values: 0 }, differing: [] });
});

it("remembers what differs by its request, and tells of it ever more rarely", async () => {
  shadows.set(IRIS, RULE);
  answers.next = async () => 2;
  for (let each = 1; each <= 30; each++) {
    await ask(each === 30 ? { "x-request-id": "the last" } : {});
    await rest();
  }
  expect(told).toEqual([
    "1 of 1 answers of service/next differ; the last: answer: 1 against 2",
    "10 of 10 answers of service/next differ; the last: answer: 1 against 2",
  ]);
  const { differing = [] } = report() ?? {};
  expect(differing.map(({ request }) => request)).toEqual([...Array.from({ length: 19 }, (_, index) => `#${index + 11}`), "the last"]);
});

it("neither delays nor fails a request, whatever its shadow does", async () => {
  shadows.set(IRIS, RULE);
  let release = (): void => undefined;
  answers.next = () =>
    new Promise((resolve) => {
      release = () => resolve(1);
    });
  for (let each = 0; each < 12; each++) await ask();
  await rest();
  expect(asked.filter(({ target }) => target.name === "next")).toHaveLength(8);
  expect(report()?.dropped.busy).toBe(4);
  answers.next = () => Promise.reject(new ServeError("INTERNAL", "it broke"));
  release();
  await rest();
  await ask();
  await rest();
  expect(report()?.results).toMatchObject({ equal: 1, error: 1 });
  expect(told.at(-1)).toContain("OK against INTERNAL: it broke");
});

it("copies the part of the requests that it is told to, and none that were not tried", async () => {
  shadows.set(IRIS, { ...RULE, percent: 10 });
  for (dice = 0; dice < 1; dice += 0.05) await ask();
  await rest();
  expect(asked.filter(({ target }) => target.name === "next")).toHaveLength(2);
  dice = 0;
  answers.iris = () => Promise.reject(new ServeError("RESOURCE_EXHAUSTED", "full"));
  await expect(ask()).rejects.toThrow("full");
  await rest();
  expect(asked.filter(({ target }) => target.name === "next")).toHaveLength(2);
  answers.iris = () => Promise.reject(new ServeError("INVALID_ARGUMENT", "wrong"));
  await expect(ask()).rejects.toThrow("wrong");
  await rest();
  expect(report()?.results.error).toBe(1);
});

it("loads nothing for a copy, copies no streams, and says so", async () => {
  shadows.set(IRIS, RULE);
  states.next = "standby";
  await ask();
  await rest();
  states.next = "ready";
  answers.iris = async () =>
    (async function* none(): AsyncGenerator<Payload> {
      yield { kind: "json", value: 1 };
    })();
  await ask();
  await rest();
  expect(report()?.dropped).toEqual({ busy: 0, size: 0, not_ready: 1, stream: 1 });
});

it("asks a revision of the same service, and counts anew for another shadow", async () => {
  shadows.set(IRIS, { ...RULE, to: { revision: "prev" } });
  await ask();
  await rest();
  expect(asked[1]?.target).toEqual({ namespace: "default", name: "iris", revision: "prev" });
  expect(asked[1]?.context.revision).toBe("prev");
  shadows.set(IRIS, { ...RULE, to: { revision: "prev" }, percent: 50 });
  expect(report()?.results.equal).toBe(1);
  shadows.set(IRIS, RULE);
  expect(report()?.results.equal).toBe(0);
  shadows.set(IRIS, undefined);
  expect(shadows.reports()).toEqual([]);
});
