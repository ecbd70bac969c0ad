import { connect } from "node:net";
import { afterEach, expect, it } from "vitest";
import { type Handler, LoopbackServer } from "../../test/loopback-server.ts";
import { type LoadOrder, runLoad } from "./run.ts";

const servers: LoopbackServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

async function start(handle: Handler): Promise<LoopbackServer> {
  const server = await LoopbackServer.start(handle);
  servers.push(server);
  return server;
}

const requests = [{ method: "POST", path: "/infer", headers: { "x-kind": "load" }, body: '{"a":1}' }];
const closed: LoadOrder["load"] = { kind: "closed", connections: 3, seconds: 0.08 };

it("asks over connections that stay, also where a server closes some of them after its answer", async () => {
  const server = await start((request, response, count) => {
    request.resume().on("end", () => {
      if (count % 10 === 0) response.setHeader("Connection", "close");
      response.writeHead(count % 5 === 0 ? 429 : 200).end(count % 2 === 0 ? "sized" : undefined);
    });
  });
  const report = await runLoad({ origin: server.url(""), requests, load: closed });
  expect(report.requests).toBe(server.requests.length);
  expect(report.answers).toBe(report.outcomes[200]);
  expect(Object.keys(report.outcomes)).toEqual(["200", "429"]);
  expect(server.requests[0]).toMatchObject({ method: "POST", url: "/infer", headers: { "x-kind": "load", "content-length": "7" } });
});

it("sends each request of a replay once, in turn", async () => {
  const server = await start((request, response) => {
    request.resume().on("end", () => response.end());
  });
  const paths = ["/a", "/b", "/c"];
  const replayed = paths.map((path) => ({ method: "GET", path, headers: {}, body: "" }));
  const report = await runLoad({ origin: server.url(""), requests: replayed, load: { kind: "replay", times: [0, 5, 20] } });
  expect(server.requests.map(({ url }) => url)).toEqual(paths);
  expect(report.outcomes).toEqual({ 200: 3 });
});

it("counts connections that end without an answer, and servers that are not there", async () => {
  const server = await start((request) => request.socket.destroy());
  expect((await runLoad({ origin: server.url(""), requests, load: closed })).outcomes).toEqual({ "connection closed": 3 });
  const gone = server.url("");
  await servers.pop()?.stop();
  expect((await runLoad({ origin: gone, requests, load: closed })).outcomes).toEqual({ "connection refused": 3 });
});

it("hangs up as a client does that has gone", async () => {
  let closedEarly = 0;
  const server = await start((request, response) => {
    request.resume();
    response.on("close", () => {
      if (!response.writableFinished) closedEarly++;
    });
  });
  const load = { kind: "open", rate: 200, arrivals: "constant", seconds: 0.05, seed: 1, hangUpWithinMs: 10 } as const;
  const report = await runLoad({ origin: server.url(""), requests, load });
  expect(report.outcomes).toEqual({ "hung up": 10 });
  // Whoever hung up in the last moment may not be seen yet.
  await new Promise((resolve) => connect(server.port, "127.0.0.1").on("connect", resolve));
  expect(closedEarly).toBeGreaterThan(0);
});
