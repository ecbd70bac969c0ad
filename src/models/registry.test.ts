import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FakeClock } from "../../test/fake-clock.ts";
import { FakeHosts, modelSpec } from "../../test/fake-hosts.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import type { ModelVersion } from "./model-version.ts";
import { Registry } from "./registry.ts";
import { pointOf, revisionAt, type ServedRevision } from "./traffic.ts";

const TARGET = { namespace: "default", name: "iris" };
const hosts = new FakeHosts(new FakeClock());

function version(file: string, number = "1", state: "ready" | "loading" = "ready"): ModelVersion {
  const model = hosts.createModel(modelSpec("iris", file, number));
  model.become(state, "");
  return model;
}

function revision(name: string, percent: number, versions = [version(name)], tags: readonly string[] = []): ServedRevision {
  return { name, generation: 1, tags, percent, versions };
}

function context(): RequestContext {
  return new RequestContext({ deadline: 1_000, record: createRecord("v1", "iris", 0) });
}

function contextWith(affinity: string): RequestContext {
  return Object.assign(context(), { affinity });
}

/** Counts by revision of many requests. */
function counted(registry: Registry, make: (index: number) => RequestContext, requests = 10_000): Map<string | undefined, number> {
  const counts = new Map<string | undefined, number>();
  for (let index = 0; index < requests; index++) {
    const { revision } = registry.find(TARGET, make(index));
    counts.set(revision, (counts.get(revision) ?? 0) + 1);
  }
  return counts;
}

describe("a service with one revision", () => {
  it("assigns nothing, and tells nobody", () => {
    const registry = new Registry(() => {
      throw new Error("nothing is drawn");
    });
    const only = version("a");
    registry.split(TARGET, [revision("iris-00001", 100, [only])]);
    const request = context();
    expect(registry.find(TARGET, request)).toBe(only);
    expect([request.revision, request.record.revision]).toEqual([undefined, ""]);
    expect(only.status(true)).toMatchObject({ revision: "iris-00001", traffic: 100 });
  });

  it("is found by its name and tags, and says what there is instead of others", () => {
    const registry = new Registry();
    registry.split(TARGET, [revision("iris-00001", 100, undefined, ["latest"])]);
    for (const name of ["iris-00001", "latest"]) {
      const request = context();
      request.revision = name;
      registry.find(TARGET, request);
      expect(request.record.revision).toBe("iris-00001");
      expect(request.assigned).toBe(false);
    }
    expect(() => registry.find({ ...TARGET, revision: "prev" })).toThrow(
      `model 'iris' has no revision "prev" now; it has iris-00001 (latest)`,
    );
  });
});

describe("a split", () => {
  it("gives each revision its part, and the first what the others leave", () => {
    let seed = 0;
    const registry = new Registry(() => (seed++ % 1_000) / 1_000);
    registry.split(TARGET, [revision("one", 0), revision("two", 10), revision("three", 25)]);
    expect(Object.fromEntries(counted(registry, context, 1_000))).toEqual({ one: 650, two: 100, three: 250 });
    expect(registry.statuses().map(({ revision, traffic, latest }) => [revision, traffic, latest])).toEqual([
      ["one", 65, true],
      ["two", 10, false],
      ["three", 25, false],
    ]);
  });

  it("gives 0 percent to nobody but those who name the revision", () => {
    const registry = new Registry(() => 0);
    registry.split(TARGET, [revision("one", 0), revision("two", 0, undefined, ["latest"])]);
    expect(registry.find(TARGET, context()).revision).toBe("one");
    expect(registry.find({ ...TARGET, revision: "latest" }, context()).revision).toBe("two");
  });

  it("keeps a request on its revision although what is drawn and the shares change", () => {
    let drawn = 0.05;
    const registry = new Registry(() => drawn);
    const [one, two] = [revision("one", 0), revision("two", 10)];
    registry.split(TARGET, [one, two]);
    const request = context();
    expect(registry.find(TARGET, request).revision).toBe("two");
    drawn = 0.9;
    registry.split(TARGET, [one, { ...two, percent: 1 }]);
    expect(registry.find(TARGET, request).revision).toBe("two");
  });

  it("assigns a request anew when its revision has gone or fails, but not one that named it", () => {
    const registry = new Registry(() => 0);
    const failing = version("two");
    registry.split(TARGET, [revision("one", 0), revision("two", 50, [failing])]);
    const [assigned, named] = [context(), context()];
    named.revision = "two";
    for (const request of [assigned, named]) expect(registry.find(TARGET, request)).toBe(failing);
    failing.become("loading", "its host is gone");
    expect(registry.find(TARGET, assigned).revision).toBe("one");
    expect(registry.find(TARGET, named)).toBe(failing);
    registry.split(TARGET, [revision("three", 100)]);
    expect(registry.find(TARGET, assigned).revision).toBe("three");
    expect(() => registry.find(TARGET, named)).toThrow("has no revision");
  });

  it("gives nothing to a revision that cannot answer, and no more than its share to one that can", () => {
    const registry = new Registry(() => 0.05);
    const stable = version("one");
    registry.split(TARGET, [revision("one", 0, [stable]), revision("two", 10, [version("two", "1", "loading")])]);
    expect(registry.find(TARGET, context()).revision).toBe("one");
    registry.split(TARGET, [revision("one", 0, [stable]), revision("two", 1, [version("two")])]);
    stable.become("loading", "its host is gone");
    expect(registry.find(TARGET, context()).revision).toBe("one");
  });

  it("looks for a version where it is", () => {
    const registry = new Registry(() => 0.99);
    registry.split(TARGET, [revision("one", 0, [version("a", "1")]), revision("two", 10, [version("b", "1"), version("c", "2")])]);
    const request = context();
    expect(registry.find({ ...TARGET, version: "2" }, request).spec.file).toBe("c");
    expect(request.revision).toBe("two");
    expect(() => registry.find({ ...TARGET, version: "3" }, context())).toThrow("version 3 is not found. It has 1, 2");
  });
});

describe("the key of a request", () => {
  it("decides stably, evenly, and from the header that the service names", () => {
    const registry = new Registry(() => 0.99);
    registry.split(TARGET, [revision("one", 0), revision("two", 20)], { affinityHeader: "x-user" });
    const canary = counted(registry, (index) => contextWith(`user-${index}`)).get("two") ?? 0;
    expect(canary).toBeGreaterThan(1_800);
    expect(canary).toBeLessThan(2_200);
    for (let index = 0; index < 100; index++) {
      const first = registry.find(TARGET, contextWith(`user-${index}`)).revision;
      const headed = context();
      headed.headers = { "x-user": `user-${index}` };
      expect(registry.find(TARGET, headed).revision).toBe(first);
    }
  });

  it("moves only the share that moves when one of two canaries grows or shrinks", () => {
    const percent = fc.integer({ min: 0, max: 50 });
    fc.assert(
      fc.property(percent, percent, percent, fc.boolean(), (before, after, other, second) => {
        const at = (share: number, key: string): string => {
          const shares = second
            ? [revision("b", other, []), revision("a", share, [])]
            : [revision("a", share, []), revision("b", other, [])];
          return revisionAt([revision("stable", 0, []), ...shares], pointOf("default/iris", key)).name;
        };
        for (let index = 0; index < 300; index++) {
          const [was, is] = [at(before, `key ${index}`), at(after, `key ${index}`)];
          if (was !== is) expect([was, is]).toEqual(after > before ? ["stable", "a"] : ["a", "stable"]);
        }
      }),
      { numRuns: 50 },
    );
  });
});
