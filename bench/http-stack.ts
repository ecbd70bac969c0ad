import { mkdtempSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Fastify from "fastify";
import { type AccessControl, openAccess } from "../src/access/index.ts";
import { systemClock } from "../src/core/clock.ts";
import { createEvents } from "../src/core/events.ts";
import { createHttpServer, type HttpServerOptions } from "../src/server/index.ts";

/**
 * The same echo of a small JSON POST over three ways to serve HTTP; with a name as argument it is that server and
 * prints its port, without one it measures all of them (bench/compare.ts).
 */
const answer = JSON.stringify({
  model_name: "iris",
  model_version: "1",
  id: "7",
  outputs: [{ name: "predict", shape: [1], datatype: "INT64", data: [0] }],
});
const path = "/v2/models/iris/infer";

interface Started {
  readonly port: number;
  /** That requests need. */
  readonly headers?: Readonly<Record<string, string>>;
}

async function startOurs(guard: HttpServerOptions["guard"], headers?: Started["headers"]): Promise<Started> {
  const fail = () => ({ status: 500, body: "" });
  const handle = ({ body }: { body: Uint8Array }) => {
    JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString());
    return { status: 200, headers: { "Content-Type": "application/json" }, body: answer };
  };
  const target = ({ params }: { params: Readonly<Record<string, string>> }) => ({ namespace: "default", name: params.model ?? "" });
  const server = createHttpServer({
    routes: [{ method: "POST", path: "/v2/models/{model}/infer", access: "infer", target, protocol: "oip", handle, fail }],
    guard,
    clock: systemClock,
    events: createEvents(),
    maxBodyBytes: 1e6,
    requestTimeoutMs: 60_000,
    refusal: fail,
    unknown: fail,
    onFault: () => undefined,
  });
  const port = await server.listen(0, "127.0.0.1");
  return headers === undefined ? { port } : { port, headers };
}

function access(): Promise<AccessControl> {
  return openAccess({
    stateDirectory: mkdtempSync(join(tmpdir(), "nitrous-bench-")),
    bound: "127.0.0.1",
    insecure: false,
    allowed: [],
    hasService: () => false,
    onNarrowed: () => undefined,
    onProblem: () => undefined,
  });
}

const STACKS: Readonly<Record<string, () => Promise<Started>>> = {
  "node:http": () => {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        JSON.parse(Buffer.concat(chunks).toString());
        response.writeHead(200, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(answer) });
        response.end(answer);
      });
    });
    return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve({ port: (server.address() as AddressInfo).port })));
  },
  fastify: async () => {
    const server = Fastify({ logger: false });
    server.removeAllContentTypeParsers();
    server.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
    server.post("/v2/models/:model/infer", (request, reply) => {
      JSON.parse(String(request.body));
      reply.header("Content-Type", "application/json").send(answer);
    });
    await server.listen({ port: 0, host: "127.0.0.1" });
    return { port: (server.server.address() as AddressInfo).port };
  },
  ours: () => startOurs(() => ""),
  "ours, open": async () => startOurs((await access()).guard),
  "ours, with a key": async () => {
    const { guard, keys } = await access();
    const { token } = await keys.create({ name: "bench", scopes: ["infer"], models: ["iris"] });
    return await startOurs(guard, { Authorization: `Bearer ${token}` });
  },
};

const started = await STACKS[process.argv[2] ?? ""]?.();
if (started !== undefined) process.stdout.write(`${JSON.stringify({ ...started, path })}\n`);
