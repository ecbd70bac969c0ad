import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeControlApi, type FakeObject } from "../../test/fake-control-api.ts";
import { fakeTerminal } from "../../test/fake-terminal.ts";
import { FAILED, service } from "../../test/kserve-objects.ts";
import type { ApiObject } from "./api-objects.ts";
import { createClient } from "./client.ts";
import { SERVICES } from "./kinds.ts";
import { waitUntilReady } from "./wait.ts";

const LOADING = {
  conditions: [{ type: "Ready", status: "False", reason: "Loading" }],
  modelStatus: { transitionStatus: "InProgress", states: { activeModelState: "", targetModelState: "Loading" } },
};

let api: FakeControlApi;
beforeEach(async () => {
  api = await FakeControlApi.start();
});
afterEach(() => api.close());

async function wait(
  after: FakeObject,
  { before, seconds = 30, graceMs = 30_000 }: { before?: FakeObject; seconds?: number; graceMs?: number } = {},
) {
  const terminal = fakeTerminal();
  const services = [{ kind: SERVICES, before: before as ApiObject | undefined, after: after as ApiObject }];
  const ready = await waitUntilReady(services, { seconds, graceMs }, createClient(api.url), terminal, new AbortController().signal);
  return { ready, out: terminal.out(), err: terminal.err() };
}

describe("waitUntilReady", () => {
  it("tells each state once and ends when the model serves", async () => {
    const applied = api.put(service("iris", { status: LOADING }));
    api.onWatch = () => {
      api.put(service("iris", { status: LOADING }));
      api.put(service("other", { status: FAILED }));
      api.put(service("iris"));
    };
    expect(await wait(applied)).toEqual({
      ready: true,
      out: "inferenceservice.serving.kserve.io/iris is ready at http://127.0.0.1:8080/serving/default/iris\n",
      err: "iris: Loading\n",
    });
  });

  it("does not take the older revision that goes on serving for the one that was applied", async () => {
    const applied = api.put(service("iris", { metadata: { generation: 2 } }));
    const states = { activeModelState: "Loaded", targetModelState: "Loading" };
    api.onWatch = () => {
      const metadata = { generation: 2 };
      api.put(service("iris", { metadata, status: { observedGeneration: 2, modelStatus: { transitionStatus: "InProgress", states } } }));
      api.put(service("iris", { metadata, status: { observedGeneration: 2, ...FAILED } }));
    };
    const { ready, err } = await wait(applied);
    expect(ready).toBe(false);
    expect(err.split("\n").slice(0, 3)).toEqual([
      "iris: Loaded/Pending",
      "iris: Loaded/Loading",
      "nitrous: iris: ModelLoadFailed: the pickle was made with scikit-learn 2.0",
    ]);
    expect(err).toContain("'nitrous describe iris' says more");
  });

  it("takes the failure that was there before for an old one, for a while", async () => {
    const failed = api.put(service("iris", { status: FAILED }));
    api.onWatch = () => api.put(service("iris"));
    expect((await wait(failed, { before: failed })).ready).toBe(true);
    api.put(failed);
    api.onWatch = () => undefined;
    expect((await wait(failed, { before: failed, graceMs: 20 })).err).toContain("nitrous: iris: ModelLoadFailed");
  });

  it("goes on waiting while the server tries again by itself", async () => {
    const retrying = { ...FAILED, nitrous: { retry: "trying again in 5 s (attempt 2)" } };
    const applied = api.put(service("iris", { status: retrying }));
    api.onWatch = () => api.put(service("iris"));
    const { ready, err } = await wait(applied);
    expect(ready).toBe(true);
    expect(err).toContain("trying again in 5 s (attempt 2)");
  });

  it("ends for what was deleted or stopped, and with the time", async () => {
    const applied = api.put(service("iris", { status: LOADING }));
    api.onWatch = () => api.delete(service("iris"));
    expect((await wait(applied)).err).toContain("nitrous: iris: was deleted");
    api.onWatch = () => undefined;
    expect((await wait(applied)).err).toContain("nitrous: iris: was deleted");
    const stopped = api.put(service("iris", { status: { conditions: [{ type: "Stopped", status: "True" }] } }));
    expect((await wait(stopped)).out).toContain("iris is stopped");
    api.put(service("iris", { status: LOADING }));
    expect((await wait(applied, { seconds: 0.05 })).err).toContain("nitrous: iris: is not ready after 0.05 s: Loading");
  });
});
