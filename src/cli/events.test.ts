import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeControlApi } from "../../test/fake-control-api.ts";
import { fakeTerminal } from "../../test/fake-terminal.ts";
import { event, service } from "../../test/kserve-objects.ts";
import { createClient } from "./client.ts";
import { type EventsOptions, eventsCommand } from "./events.ts";
import { logsCommand } from "./logs.ts";

const never = new AbortController().signal;
let api: FakeControlApi;
beforeEach(async () => {
  api = await FakeControlApi.start();
  api.put(service("iris"));
});
afterEach(() => api.close());

async function events(name: string | undefined, options: Partial<EventsOptions> = {}, terminal = fakeTerminal()) {
  await eventsCommand(name, { namespace: "default", ...options }, createClient(api.url), terminal, never);
  return terminal.out();
}

describe("events", () => {
  it("lists what happened, oldest first", async () => {
    const later = { ...(event("wine", "Failed", "no memory", "Warning") as object), lastTimestamp: "2026-01-01T00:04:00Z" };
    api.events = [later, event("iris", "Applied", "generation 1"), "no event"];
    expect(await events(undefined, { allNamespaces: true })).toBe(
      [
        "NAMESPACE   AGE   TYPE      REASON    OBJECT                  MESSAGE",
        "default     4m    Normal    Applied   InferenceService/iris   generation 1",
        "default     60s   Warning   Failed    InferenceService/wine   no memory",
        "",
      ].join("\n"),
    );
    expect(JSON.parse(await events("iris", { output: "json" }))).toMatchObject({ kind: "List", items: [{ reason: "Applied" }] });
    expect(api.requests).toContain("GET /api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Diris");
  });

  it("tells a resource without events from one that there is not", async () => {
    const terminal = fakeTerminal();
    expect(await events("iris", {}, terminal)).toBe("");
    expect(terminal.err()).toBe("there are no events of iris\n");
    await expect(events("isir")).rejects.toThrow("did you mean iris?");
  });

  it("goes on with what happens", async () => {
    api.events = [event("iris", "Applied", "generation 1")];
    const terminal = fakeTerminal();
    await expect(events(undefined, { watch: true }, terminal)).rejects.toThrow("has ended the watch");
    expect(terminal.out().match(/Applied/g)).toHaveLength(2);
    expect(terminal.out().match(/REASON/g)).toHaveLength(1);
  });
});

describe("logs", () => {
  const logs = async (name: string, options = {}, terminal = fakeTerminal()) => {
    await logsCommand(name, { namespace: "default", ...options }, createClient(api.url), terminal, never);
    return terminal.out();
  };

  it("prints all lines or the last ones as they are", async () => {
    api.logs.set("iris", ["one", "  zwei ✓", "", "three"]);
    expect(await logs("iris")).toBe("one\n  zwei ✓\n\nthree\n");
    expect(await logs("iris", { tail: "1", follow: true })).toBe("three\n");
    expect(api.requests.at(-1)).toBe("GET /nitrous/namespaces/default/models/iris/logs?follow=true&tailLines=1");
  });

  it("says what is wrong with the name or the number, and that there is nothing", async () => {
    api.logs.set("iris", []);
    const terminal = fakeTerminal();
    await logs("iris", {}, terminal);
    expect(terminal.err()).toContain("iris has printed nothing");
    await expect(logs("irsi")).rejects.toThrow("there is no InferenceService 'irsi' in namespace 'default'; did you mean iris?");
    await expect(logs("iris", { tail: "-3" })).rejects.toThrow("--tail -3: expected a number of lines");
  });
});
