import { beforeEach, describe, expect, it } from "vitest";
import type { HostEndpoint } from "./core/executor.ts";
import type { ModelSpec } from "./core/model.ts";
import type { Replica } from "./core/replica.ts";
import { defineModel } from "./hosts/node/custom-model.ts";
import type { LoaderSteps } from "./models/index.ts";
import { withProgramModels } from "./program-models.ts";

const never = (): never => {
  throw new Error("there is no host");
};
const steps = withProgramModels({ prepare: never, start: never, connect: never } as unknown as LoaderSteps);
const { signal } = new AbortController();

function specOf(model: object, concurrency = 1): ModelSpec {
  return {
    ...{ namespace: "default", name: "own", version: "1", format: "typescript", file: "/program.ts", directory: "/", bytes: 0 },
    inProgram: { model, concurrency },
  };
}

async function load(spec: ModelSpec): Promise<{ replica: Replica; endpoint: HostEndpoint }> {
  const { host } = await steps.prepare(spec, () => undefined, signal);
  // Whoever loads a model adds variables to what was prepared.
  const endpoint = steps.start({ ...host, environment: { ...host.environment, ADDED: "1" } });
  const { warm } = await steps.connect(endpoint, signal);
  return { replica: await warm(endpoint, spec, () => undefined, signal), endpoint };
}

describe("a model of this program", () => {
  let loads = 0;
  let finish = (): void => undefined;
  const model = defineModel({
    load() {
      loads++;
    },
    async predict({ instances }, { signal: own }) {
      if (instances[0] === "fails") throw new RangeError("no");
      if (instances[0] === "waits")
        await new Promise<void>((resolve, reject) => {
          finish = resolve;
          own.addEventListener("abort", () => reject(own.reason), { once: true });
        });
      return instances;
    },
  });

  beforeEach(() => {
    loads = 0;
  });

  const call = (row: string) => ({ method: "predict", payload: { kind: "rows" as const, rows: [row] } });

  it("has no process, takes as many calls as it says, and tells what its code throws", async () => {
    const { replica, endpoint } = await load(specOf(model, 3));
    expect([endpoint.pid, replica.credit, loads]).toEqual([process.pid, 3, 1]);
    expect((await replica.run(call("a"))).payload).toEqual({ kind: "json", value: ["a"] });
    await expect(replica.run(call("fails"))).rejects.toMatchObject({ code: "INTERNAL", message: "RangeError: no" });
  });

  it("finishes what is under way when it goes, and loses it when it is ended", async () => {
    const { replica } = await load(specOf(model));
    const first = replica.run(call("waits"));
    let closed = false;
    const closing = replica.close().then(() => {
      closed = true;
    });
    await Promise.resolve();
    expect(closed).toBe(false);
    finish();
    expect((await first).payload).toMatchObject({ kind: "json" });
    await closing;
    expect(await replica.exited).toBe("was closed");

    const { replica: other } = await load(specOf(model));
    const lost = other.run(call("waits"));
    other.destroy("was ended by a test");
    await expect(lost).rejects.toMatchObject({ code: "UNAVAILABLE", message: "the model was ended by a test" });
    await expect(other.run(call("a"))).rejects.toThrow("was ended by a test");
    expect(await other.exited).toBe("was ended by a test");
  });

  it("that cannot be loaded says why", async () => {
    await expect(load(specOf({ inputs: { x: "FLOAT" }, predict: () => 1 }))).rejects.toThrow("'x' is declared as 'FLOAT'");
    await expect(load(specOf({}))).rejects.toThrow("it has no methods");
  });
});
