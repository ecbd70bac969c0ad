import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import Fastify from "fastify";
import { systemClock } from "../src/core/clock.ts";
import { createEvents } from "../src/core/events.ts";
import { createHttpServer } from "../src/server/index.ts";

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

export const STACKS: Readonly<Record<string, () => Promise<number>>> = {
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
    return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)));
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
    return (server.server.address() as AddressInfo).port;
  },
  ours: () => {
    const fail = () => ({ status: 500, body: "" });
    const handle = ({ body }: { body: Uint8Array }) => {
      JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString());
      return { status: 200, headers: { "Content-Type": "application/json" }, body: answer };
    };
    const server = createHttpServer({
      routes: [{ method: "POST", path: "/v2/models/{model}/infer", access: "infer", protocol: "oip", handle, fail }],
      guard: () => undefined,
      clock: systemClock,
      events: createEvents(),
      maxBodyBytes: 1e6,
      requestTimeoutMs: 60_000,
      unknown: fail,
      onFault: () => undefined,
    });
    return server.listen(0, "127.0.0.1");
  },
};

const port = await STACKS[process.argv[2] ?? ""]?.();
if (port !== undefined) process.stdout.write(`${port} ${path}\n`);
