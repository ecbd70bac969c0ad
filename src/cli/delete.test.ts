import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeControlApi } from "../../test/fake-control-api.ts";
import { fakeTerminal } from "../../test/fake-terminal.ts";
import { clusterRuntime, namespaceRuntime, service } from "../../test/kserve-objects.ts";
import { createClient } from "./client.ts";
import { type DeleteOptions, deleteCommand } from "./delete.ts";

let api: FakeControlApi;
beforeEach(async () => {
  api = await FakeControlApi.start();
  api.put(service("iris"));
  api.put(service("wine", { metadata: { labels: { team: "a" } } }));
});
afterEach(() => api.close());

async function remove(words: string[], options: Partial<DeleteOptions> = {}, input = "") {
  const terminal = fakeTerminal({ input });
  const exitCode = await deleteCommand(words, { namespace: "default", ...options }, createClient(api.url), terminal);
  return { exitCode, out: terminal.out(), err: terminal.err() };
}

describe("delete", () => {
  it("deletes by name, goes on after what is not there, and says so", async () => {
    const { exitCode, out, err } = await remove(["isvc", "irsi", "wine"]);
    expect(exitCode).toBe(1);
    expect(out).toBe("inferenceservice.serving.kserve.io/wine deleted\n");
    expect(err).toBe("nitrous: there is no InferenceService 'irsi' in namespace 'default'; did you mean iris?\n");
    expect(await remove(["wine"], { ignoreNotFound: true })).toEqual({ exitCode: 0, out: "", err: "" });
    expect(api.find("InferenceService", "iris", "default")).toBeDefined();
  });

  it("changes nothing in a dry run", async () => {
    expect((await remove(["iris"], { dryRun: true })).out).toBe("inferenceservice.serving.kserve.io/iris deleted (server dry run)\n");
    expect(api.requests).toEqual(["DELETE /apis/serving.kserve.io/v1beta1/namespaces/default/inferenceservices/iris?dryRun=All"]);
  });

  it("deletes many only when asked twice", async () => {
    await expect(remove(["isvc"])).rejects.toThrow("give names of inferenceservices, or --all");
    await expect(remove(["isvc"], { all: true })).rejects.toThrow("needs --yes to do it:\n  inferenceservice.serving.kserve.io/iris\n");
    expect((await remove(["isvc"], { selector: "team=a", yes: true })).out).toBe("inferenceservice.serving.kserve.io/wine deleted\n");
    expect((await remove(["isvc"], { all: true, yes: true })).out).toBe("inferenceservice.serving.kserve.io/iris deleted\n");
    expect((await remove(["isvc"], { all: true })).err).toBe("there is nothing to delete\n");
  });

  it("leaves what the server brings when it deletes all", async () => {
    api.put(clusterRuntime("built-in"));
    api.put(namespaceRuntime("mine"));
    expect((await remove(["all"], { all: true, yes: true })).out).not.toContain("built-in");
    expect(api.find("ServingRuntime", "mine", "default")).toBeUndefined();
  });

  it("says what it needs", async () => {
    await expect(remove([])).rejects.toThrow("nothing to delete: give names");
    await expect(remove(["iris"], { all: true })).rejects.toThrow("not both");
    await expect(remove(["iris"], { file: ["-"] })).rejects.toThrow("give -f or names, not both");
  });
});
