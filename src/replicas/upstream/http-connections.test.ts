import { createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { LoopbackServer } from "../../../test/loopback-server.ts";
import { reaching } from "../../../test/upstream-servers.ts";
import { ServeError } from "../../core/errors.ts";
import { ConnectionLostError } from "./connection-lost.ts";
import { assertAnswered, errorOfAnswer, readBody, readPieces } from "./http-answers.ts";
import { HttpConnections } from "./http-connections.ts";

const never = new AbortController().signal;
const GET = { method: "GET", path: "/x" } as const;
const ends: Array<() => Promise<void>> = [];

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function loopback(...given: Parameters<typeof LoopbackServer.start>): Promise<LoopbackServer> {
  const server = await LoopbackServer.start(...given);
  ends.push(() => server.stop());
  return server;
}

/** A server of bytes. */
async function wire(onConnection: (socket: Socket, count: number) => void): Promise<number> {
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
    onConnection(socket, sockets.length);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ends.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return (server.address() as { port: number }).port;
}

function to(port: number): HttpConnections {
  const connections = new HttpConnections(reaching({ port } as LoopbackServer));
  ends.push(() => Promise.resolve(connections.close()));
  return connections;
}

const LONGEST = 1024 * 1024;

/** Both ways to ask: for an answer that is read in pieces, and for a whole one. */
const WAYS = {
  "read in pieces": async (connections: HttpConnections, signal: AbortSignal) =>
    (await readBody(await connections.ask(GET, signal), signal)).toString(),
  "read whole": async (connections: HttpConnections, signal: AbortSignal) =>
    (await connections.exchange(GET, signal, LONGEST)).body.toString(),
};

describe.each(Object.entries(WAYS))("connections whose answers are %s", (_, read) => {
  const text = (connections: HttpConnections) => read(connections, never);

  it("are used again, and say whom they want", async () => {
    const server = await loopback((request, response) => response.end(`${request.headers.host} ${request.url}`));
    const connections = new HttpConnections(reaching(server, { prefix: "/serving/a" }));
    ends.push(() => Promise.resolve(connections.close()));
    for (let time = 0; time < 3; time++) expect(await text(connections)).toBe(`127.0.0.1:${server.port} /serving/a/x`);
    expect(new Set(server.requests.map(({ socket }) => socket.remotePort)).size).toBe(1);
  });

  it("that the server has closed meanwhile are replaced once", async () => {
    const port = await wire((socket, count) => {
      let requests = 0;
      socket.on("data", () => {
        requests++;
        // The first connection answers one request, and is dead at the second.
        if (count === 1 && requests === 2) socket.destroy();
        else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      });
    });
    const connections = to(port);
    expect(await text(connections)).toBe("ok");
    expect(await text(connections)).toBe("ok");
  });

  it("that were never used are not", async () => {
    let connected = 0;
    const port = await wire((socket) => {
      connected++;
      socket.on("data", () => socket.destroy());
    });
    await expect(text(to(port))).rejects.toThrow(ConnectionLostError);
    expect(connected).toBe(1);
  });

  it("fail with why nobody answers", async () => {
    const port = await wire((socket) => socket.on("data", () => socket.end("SSH-2.0-OpenSSH\r\n")));
    await expect(text(to(port))).rejects.toThrow(/answered something that is not HTTP/);
    const refusing = new HttpConnections({
      ...reaching({ port } as LoopbackServer),
      connect: () => Promise.reject(new ServeError("UNAVAILABLE", "it listens on 9")),
    });
    await expect(text(refusing)).rejects.toThrow("it listens on 9");
    const cut = await wire((socket) => socket.on("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok")));
    await expect(text(to(cut))).rejects.toThrow(/ended in the middle of its answer/);
  });

  it("end with the call that is given up, also when there is none yet", async () => {
    const server = await loopback(() => undefined);
    const connections = new HttpConnections(reaching(server));
    const given = new AbortController();
    const asked = read(connections, given.signal);
    while (server.requests.length === 0) await new Promise(setImmediate);
    given.abort(new ServeError("CANCELLED", "the client has gone"));
    await expect(asked).rejects.toThrow("the client has gone");
    while ((await server.connections) > 0) await new Promise(setImmediate);
    const pending = new HttpConnections({ ...reaching(server), connect: () => new Promise(() => undefined) });
    const other = new AbortController();
    const waiting = read(pending, other.signal);
    other.abort(new Error("too late"));
    await expect(waiting).rejects.toThrow("too late");
  });
});

describe("connections", () => {
  it("take a question whose body is large, and one that is answered before it was read", async () => {
    let refuses = false;
    const server = await loopback((request, response) => {
      if (refuses) response.writeHead(413, { "Content-Length": 2 }).end("no");
      else request.resume().on("end", () => response.end(request.headers["content-length"]));
    });
    const connections = new HttpConnections(reaching(server));
    ends.push(() => Promise.resolve(connections.close()));
    const post = { method: "POST", path: "/x", body: [Buffer.alloc(3_000_000), Buffer.alloc(5_000_000)] } as const;
    expect((await connections.exchange(post, never, LONGEST)).body.toString()).toBe("8000000");
    refuses = true;
    expect(await connections.exchange(post, never, LONGEST)).toMatchObject({ status: 413 });
    refuses = false;
    expect((await connections.exchange(post, never, LONGEST)).body.toString()).toBe("8000000");
  });

  it("are as many as the questions at once, and keep what they may", async () => {
    const server = await loopback((request, response) => setImmediate(() => response.end(request.url)));
    const connections = new HttpConnections({ ...reaching(server), concurrency: 2 });
    ends.push(() => Promise.resolve(connections.close()));
    const paths = Array.from({ length: 20 }, (_, index) => `/${index}`);
    const answers = await Promise.all(paths.map((path) => connections.exchange({ method: "GET", path }, never, LONGEST)));
    expect(answers.map(({ body }) => body.toString())).toEqual(paths);
    while ((await server.connections) > 2) await new Promise(setImmediate);
    connections.close();
    while ((await server.connections) > 0) await new Promise(setImmediate);
  });

  it("send nothing that would be read as more than it is", async () => {
    const server = await loopback((_, response) => response.end());
    const connections = new HttpConnections(reaching(server));
    for (const question of [
      { method: "GET", path: "/x HTTP/1.1\r\nX: y" } as const,
      { method: "GET", path: "/x", headers: { "X-Request-Id": "a\r\nX: y" } } as const,
      { method: "GET", path: "/x", headers: { "X-Request-Id": "\u0442" } } as const,
    ])
      await expect(connections.exchange(question, never, LONGEST)).rejects.toMatchObject({ code: "INTERNAL" });
    expect(server.requests).toEqual([]);
  });

  it("bring pieces as they come, and no more than is read", async () => {
    let written = 0;
    const server = await loopback((_, response) => {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      const more = (): void => {
        do written++;
        while (response.write(Buffer.alloc(65536)) && written < 10_000);
      };
      response.on("drain", more);
      more();
    });
    const connections = new HttpConnections(reaching(server));
    const answer = await connections.ask(GET, never);
    const pieces = readPieces(answer, never);
    expect((await pieces.next()).done).toBe(false);
    // What is under way fills buffers, and then the server waits.
    for (let last = -1; last !== written; ) {
      last = written;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(written).toBeLessThan(1_000);
    await pieces.return();
    while ((await server.connections) > 0) await new Promise(setImmediate);
  });
});

describe("a refusal", () => {
  it.each<[number, string, string, string]>([
    [400, '{"error":"no such input"}', "INVALID_ARGUMENT", "no such input"],
    [401, '{"error":"wrong key"}', "INTERNAL", "the model's server refused this server with 401: wrong key"],
    [403, "", "INTERNAL", "the model's server refused this server with 403 (Forbidden) without a reason"],
    [404, '{"error":{"message":"unknown model","type":"x"}}', "NOT_FOUND", "unknown model"],
    [
      422,
      '{"detail":[{"loc":["body","x"],"msg":"field required"},{"msg":"and more"}]}',
      "INVALID_ARGUMENT",
      "body.x: field required; and more",
    ],
    [429, '{"message":"slow down"}', "RESOURCE_EXHAUSTED", "slow down"],
    [500, "KeyError: 'x'\nTraceback", "INTERNAL", "the model's server answered 500: KeyError: 'x' Traceback"],
    [502, "<html><body>Bad Gateway</body></html>", "UNAVAILABLE", "the model's server answered 502 (Bad Gateway) without a reason"],
    [501, "", "UNIMPLEMENTED", "the model's server answered 501 (Not Implemented) without a reason"],
    [302, "", "INTERNAL", "the model's server answered 302 (Found) without a reason"],
  ])("of %i with %s is %s", (status, body, code, message) => {
    expect(errorOfAnswer(status, Buffer.from(body))).toMatchObject({ code, message });
  });

  it("has at most a kibibyte of the server's words, and its time to try again", () => {
    const error = errorOfAnswer(503, Buffer.from(JSON.stringify({ error: "x".repeat(5_000) })), "7");
    expect(error.message).toHaveLength(1_025);
    expect(error.retryAfter).toBe(7);
  });

  it("by a redirect says where to", async () => {
    const server = await loopback((_, response) => response.writeHead(307, { Location: "https://example.org/" }).end());
    const answer = await new HttpConnections(reaching(server)).ask(GET, never);
    await expect(assertAnswered(answer, never)).rejects.toMatchObject({
      code: "INTERNAL",
      message: "the model's server answered 307, which sends to https://example.org/; redirects are not followed",
    });
  });

  it("is read to a limit", async () => {
    const server = await loopback((_, response) => {
      response.writeHead(500);
      response.write(Buffer.alloc(10 * 1024 * 1024, 120));
    });
    const answer = await new HttpConnections(reaching(server)).ask(GET, never);
    await expect(assertAnswered(answer, never)).rejects.toThrow("the model's server answered 500 (Internal Server Error) without a reason");
  });
});
