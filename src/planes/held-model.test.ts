import { beforeEach, expect, it } from "vitest";
import { FakeClock } from "../../test/fake-clock.ts";
import { FakeHosts, modelSpec } from "../../test/fake-hosts.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import { type ModelVersion, Registry } from "../models/index.ts";
import { findModel } from "./held-model.ts";

const TARGET = { namespace: "default", name: "iris" };
let registry: Registry;
let versions: readonly [ModelVersion, ModelVersion, ModelVersion];

function held(modelId: string | undefined): RequestContext {
  const context = new RequestContext({ deadline: 1, record: createRecord("handle", "iris", 0) });
  context.modelId = modelId;
  return context;
}

beforeEach(() => {
  const hosts = new FakeHosts(new FakeClock());
  const create = (file: string): ModelVersion => hosts.createModel(modelSpec("iris", file));
  versions = [create("a"), create("b"), create("c")];
  registry = new Registry(() => 0);
});

it("a request that holds on to a version gets that one, whatever its revision's share", () => {
  const [stable, canary, next] = versions;
  const revision = (name: string, percent: number, model: ModelVersion) => ({ name, generation: 1, tags: [], percent, versions: [model] });
  registry.split(TARGET, [revision("iris-1", 100, stable), revision("iris-2", 0, canary)]);
  expect(findModel(registry, TARGET, held(stable.id))).toBe(stable);
  expect(findModel(registry, TARGET, held(canary.id))).toBe(canary);
  registry.split(TARGET, [revision("iris-2", 100, canary), revision("iris-3", 0, next)]);
  expect(findModel(registry, TARGET, held(canary.id))).toBe(canary);
  expect(() => findModel(registry, TARGET, held(stable.id))).toThrow("was replaced: another revision of it is served now");
  expect(findModel(registry, TARGET, held(undefined))).toBe(canary);
});

it("a request for what was deleted or stopped hears that, and not that there never was such a model", () => {
  const [model] = versions;
  registry.set(TARGET, [model]);
  registry.set(TARGET, [], "It is stopped.");
  expect(() => findModel(registry, TARGET, held(model.id))).toThrow(
    "is no longer served. Model with name iris is not ready. It is stopped.",
  );
  registry.delete(TARGET);
  expect(() => findModel(registry, TARGET, held(model.id))).toThrow(
    expect.objectContaining({ code: "FAILED_PRECONDITION", message: expect.stringContaining("was deleted") }),
  );
});
