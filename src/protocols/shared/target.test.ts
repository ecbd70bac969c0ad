import { expect, it } from "vitest";
import { targetOf } from "./target.ts";

const at = (host: string | undefined, headers: Record<string, string> = {}, model = "my-iris") =>
  targetOf({ params: { model }, headers: { ...headers, ...(host === undefined ? {} : { host }) } });

it.each([
  ["my-iris-team-a.example.com", { namespace: "team-a" }],
  ["latest-my-iris-team-a.example.com", { namespace: "team-a", revision: "latest" }],
  ["prev-my-iris.team-a.svc.cluster.local", { namespace: "team-a", revision: "prev" }],
  ["prev-my-iris.team-a:8080", { namespace: "team-a", revision: "prev" }],
  ["localhost:8080", { namespace: "default" }],
  ["127.0.0.1", { namespace: "default" }],
  ["other-team-a.example.com", { namespace: "default" }],
  ["-my-iris-team-a.example.com", { namespace: "default" }],
  ["x-my-iris", { namespace: "default" }],
  [undefined, { namespace: "default" }],
])("reads the namespace and the tag of a revision from the Host header %j", (host, expected) => {
  expect(at(host)).toEqual({ name: "my-iris", ...expected });
});

it("takes the revision that a header names before the one in the Host header", () => {
  expect(at("prev-my-iris-a.x", { "nitrous-revision": "my-iris-00002" })).toMatchObject({ namespace: "a", revision: "my-iris-00002" });
});
