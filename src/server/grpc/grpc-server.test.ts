import { connect, constants } from "node:http2";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../../test/fake-clock.ts";
import { systemClock } from "../../core/clock.ts";
import type { RequestRecord } from "../../core/context.ts";
import { ServeError } from "../../core/errors.ts";
import { createEvents } from "../../core/events.ts";
import type { Exchange } from "../../core/exchange.ts";
import type { GrpcCall, GrpcMethod } from "../../core/grpc.ts";
import { MessageReader } from "../../grpc-messages/index.ts";
import { BodyMemory } from "../body-memory.ts";
import { DEFAULT_LIMITS } from "../limits.ts";
import { createGrpcServer, type GrpcServer } from "./grpc-server.ts";
import type { GrpcServerOptions } from "./options.ts";
import { percentEncoded } from "./status.ts";

let server: GrpcServer | undefined;
const clients: Client[] = [];

afterEach(() => {
  for (const client of clients.splice(0)) client.close();
  server?.destroy();
});

const echo: GrpcMethod = { path: "/s/echo", access: "infer", protocol: "grpc", read: (message) => ({ answer: () => [message] }) };

async function start(methods: readonly Partial<GrpcMethod>[], options: Partial<GrpcServerOptions> = {}): Promise<Client> {
  server = createGrpcServer({
    methods: methods.map((method) => ({ ...echo, ...method })),
    guard: () => "",
    clock: systemClock,
    events: createEvents(),
    maxMessageBytes: 1e6,
    requestTimeoutMs: 1e6,
    onFault: () => undefined,
    ...options,
  });
  return clientOf(await server.listen(0, "127.0.0.1"));
}

function clientOf(port: number, options = {}): Client {
  const limits = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1, "grpc.enable_retries": 0, ...options };
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), limits);
  clients.push(client);
  return client;
}

const same = (bytes: Buffer): Buffer => bytes;

function call(
  client: Client,
  body: string | Buffer,
  options: { path?: string; deadline?: number; metadata?: Record<string, string> } = {},
) {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(options.metadata ?? {})) metadata.set(name, value);
  const given = options.deadline === undefined ? {} : { deadline: Date.now() + options.deadline };
  return new Promise<Buffer>((resolve, reject) => {
    client.makeUnaryRequest(options.path ?? "/s/echo", same, same, Buffer.from(body), metadata, given, (error, value) => {
      if (error === null) resolve(value as Buffer);
      else reject(error);
    });
  });
}

/** Of a call that must fail: code and message. */
async function failure(called: Promise<unknown>): Promise<[number, string]> {
  const error = await called.then(
    () => {
      throw new Error("the call succeeded");
    },
    (thrown: ServiceError) => thrown,
  );
  return [error.code, error.details];
}

describe("a unary call", () => {
  it("is answered, with a record and what observers need", async () => {
    const events = createEvents();
    const records: RequestRecord[] = [];
    events.on("request-finished", (record) => records.push(record));
    const exchanges: Exchange[] = [];
    const client = await start([{}], { events, onExchange: (exchange) => exchanges.push(exchange) });
    expect(String(await call(client, "hello", { metadata: { traceparent: "t" } }))).toBe("hello");
    expect(records).toMatchObject([{ protocol: "grpc", outcome: "OK", bytes: 5, stage: "answering" }]);
    expect(exchanges).toMatchObject([{ path: "/s/echo", status: 200, headers: { traceparent: "t" } }]);
  });

  it.each([0, 1, 70_000, 5_000_000])("carries a message of %i bytes both ways", async (length) => {
    const client = await start([{}], { maxMessageBytes: 1e7 });
    const body = Buffer.alloc(length, "abc");
    expect((await call(client, body)).equals(body)).toBe(true);
  });

  it("fails with the code and the message of its error, whatever characters it has", async () => {
    const read = () => {
      throw new ServeError("FAILED_PRECONDITION", "100 % naïve\n✓");
    };
    expect(await failure(call(await start([{ read }]), ""))).toEqual([9, "100 % naïve\n✓"]);
  });

  it("tells of a bug without its text", async () => {
    const faults: Error[] = [];
    const answer = () => Promise.reject(new Error("secret"));
    const client = await start([{ read: () => ({ answer }) }], { onFault: (error) => faults.push(error) });
    expect(await failure(call(client, ""))).toEqual([13, "internal error"]);
    expect(faults[0]?.message).toBe("secret");
  });

  it("refuses a message over the limit before it is read, and goes on with the connection", async () => {
    const client = await start([{}], { maxMessageBytes: 1000 });
    expect(await failure(call(client, Buffer.alloc(100_000)))).toEqual([
      8,
      "the message has 100000 bytes, more than the limit of 1000 bytes",
    ]);
    expect(String(await call(client, "on"))).toBe("on");
  });

  it("does not hold more than there is memory for, and lets go of it", async () => {
    const memory = new BodyMemory(1000);
    const client = await start([{}], { memory });
    expect(await failure(call(client, Buffer.alloc(2000)))).toEqual([8, expect.stringContaining("more than 1000 bytes")]);
    await call(client, Buffer.alloc(900));
    expect(memory.held).toBe(0);
  });

  it("takes no more metadata than HTTP takes headers, and goes on", async () => {
    const client = await start([{}]);
    await expect(call(client, "", { metadata: { "x-long": "a".repeat(20_000) } })).rejects.toThrow();
    expect(String(await call(client, "on"))).toBe("on");
  });

  it("knows no other methods", async () => {
    const client = await start([{}]);
    expect(await failure(call(client, "", { path: "/s/other" }))).toEqual([12, expect.stringContaining("/s/other")]);
  });

  it("asks the guard before the message and again when it names the model", async () => {
    const asked: unknown[] = [];
    const guard: GrpcServerOptions["guard"] = ({ target, targetLater }, head) => {
      asked.push([targetLater, target?.(head)?.name, head.headers.authorization]);
      if (target?.(head)?.name === "closed") throw new ServeError("PERMISSION_DENIED", "not yours");
      return "someone";
    };
    const read: GrpcMethod["read"] = (message, { context }) => ({
      target: { namespace: "default", name: String(message) },
      answer: () => [Buffer.from(context.principal)],
    });
    const client = await start([{ aboutModel: true, read }], { guard });
    const metadata = { authorization: "Bearer k" };
    expect(String(await call(client, "open", { metadata }))).toBe("someone");
    expect(await failure(call(client, "closed", { metadata }))).toEqual([7, "not yours"]);
    expect(asked.slice(0, 2)).toEqual([
      [true, undefined, "Bearer k"],
      [undefined, "open", "Bearer k"],
    ]);
  });

  it.each(["gzip", "deflate"] as const)("takes messages in %s and answers in it", async (name) => {
    await start([{}]);
    const port = Number(clients[0]?.getChannel().getTarget().split(":").at(-1));
    const client = clientOf(port, { "grpc.default_compression_algorithm": name === "gzip" ? 2 : 1 });
    const body = Buffer.alloc(50_000, "a");
    expect((await call(client, body)).equals(body)).toBe(true);
  });

  it("refuses what grows too large when it is decompressed", async () => {
    await start([{}], { maxMessageBytes: 10_000 });
    const port = Number(clients[0]?.getChannel().getTarget().split(":").at(-1));
    const client = clientOf(port, { "grpc.default_compression_algorithm": 2 });
    expect(await failure(call(client, Buffer.alloc(50_000)))).toEqual([8, expect.stringContaining("when decompressed")]);
  });

  it("is given up when its deadline is over, and its handler hears of it", async () => {
    let given: GrpcCall | undefined;
    const read: GrpcMethod["read"] = (_message, request) => {
      given = request;
      return { answer: () => new Promise(() => undefined) };
    };
    const records: RequestRecord[] = [];
    const events = createEvents();
    events.on("request-finished", (record) => records.push(record));
    const client = await start([{ read }], { events });
    // Else a slow machine connects too late for the server to hear of the call.
    await new Promise((resolve) => client.waitForReady(Date.now() + 10_000, resolve));
    expect((await failure(call(client, "", { deadline: 50 })))[0]).toBe(4);
    await expect.poll(() => records[0]?.outcome).toMatch(/DEADLINE_EXCEEDED|CANCELLED/);
    expect(given?.context.aborted).toBeDefined();
  });

  it("is cancelled with its client", async () => {
    let aborted: ((code: string) => void) | undefined;
    const code = new Promise<string>((resolve) => {
      aborted = resolve;
    });
    const read: GrpcMethod["read"] = (_message, { context }) => {
      context.onAbort((reason) => aborted?.((reason as ServeError).code));
      running.cancel();
      return { answer: () => new Promise(() => undefined) };
    };
    const client = await start([{ read }]);
    const running = client.makeUnaryRequest("/s/echo", same, same, Buffer.from(""), () => undefined);
    expect(await code).toBe("CANCELLED");
  });
});

describe("a stream", () => {
  const open = (client: Client) => {
    const stream = client.makeBidiStreamRequest("/s/echo", same, same);
    const got: string[] = [];
    stream.on("data", (bytes: Buffer) => got.push(String(bytes)));
    const ended = new Promise<[number, string]>((resolve) => {
      stream.on("error", () => undefined);
      stream.on("status", ({ code, details }) => resolve([code, details]));
    });
    return { stream, got, ended };
  };

  it("begins requests as they come and answers them in their order", async () => {
    const begun: string[] = [];
    let release: () => void = () => undefined;
    const first = new Promise<void>((resolve) => {
      release = resolve;
    });
    const read: GrpcMethod["read"] = (message) => {
      const text = String(message);
      begun.push(text);
      if (text !== "many") return { answer: () => (text === "a" ? first.then(() => [message]) : [message]) };
      return {
        answer: async function* () {
          yield [Buffer.from("1")];
          yield [Buffer.from("2")];
        },
      };
    };
    const { stream, got, ended } = open(await start([{ streaming: true, read }]));
    for (const text of ["a", "b", "many"]) stream.write(Buffer.from(text));
    stream.end();
    await expect.poll(() => begun).toEqual(["a", "b", "many"]);
    expect(got).toEqual([]);
    release();
    expect(await ended).toEqual([0, expect.any(String)]);
    expect(got).toEqual(["a", "b", "1", "2"]);
  });

  it("sends answers of requests that may overtake between those of others, each message in one piece", async () => {
    let release: () => void = () => undefined;
    const second = new Promise<void>((resolve) => {
      release = resolve;
    });
    const large = Buffer.alloc(3 * 1024 * 1024, "x");
    const read: GrpcMethod["read"] = (message) => {
      const text = String(message);
      const answer = async function* (): AsyncGenerator<[Buffer]> {
        if (text === "a") await second;
        yield [Buffer.concat([Buffer.from(text), large])];
        if (text === "b") release();
        yield [Buffer.from(`${text} is over`)];
      };
      return { answer, mayOvertake: () => Promise.resolve(text !== "last") };
    };
    const { stream, got, ended } = open(await start([{ streaming: true, read }]));
    for (const text of ["a", "b", "c", "last"]) stream.write(Buffer.from(text));
    stream.end();
    expect(await ended).toEqual([0, expect.any(String)]);
    const sizes = got.map((text) => (text.length > 100 ? `${text[0]} ${text.length} ${/^.x+$/.test(text)}` : text));
    const whole = (text: string): string => `${text[0]} ${large.length + text.length} ${text.length === 1}`;
    expect([...sizes].sort()).toEqual(
      [whole("a"), whole("b"), whole("c"), `l ${large.length + 4} false`, "a is over", "b is over", "c is over", "last is over"].sort(),
    );
    expect(sizes.indexOf(whole("a"))).toBeGreaterThan(sizes.indexOf(whole("b")));
  });

  it("goes on after a request that failed when the method can tell of it, and ends otherwise", async () => {
    const read: GrpcMethod["read"] = (message) => {
      if (String(message) === "bad") throw new ServeError("INVALID_ARGUMENT", "no good");
      return { answer: () => [message] };
    };
    const fail: GrpcMethod["fail"] = ({ message }, metadata) => (metadata.strict === undefined ? [Buffer.from(message)] : undefined);
    const client = await start([{ streaming: true, read, fail }]);
    const { stream, got, ended } = open(client);
    for (const text of ["a", "bad", "b"]) stream.write(Buffer.from(text));
    stream.end();
    expect((await ended)[0]).toBe(0);
    expect(got).toEqual(["a", "no good", "b"]);
    const metadata = new Metadata();
    metadata.set("strict", "1");
    const strict = client.makeBidiStreamRequest("/s/echo", same, same, metadata);
    strict.on("error", () => undefined);
    strict.on("data", () => undefined);
    const status = new Promise((resolve) => strict.on("status", ({ code, details }) => resolve([code, details])));
    strict.write(Buffer.from("bad"));
    expect(await status).toEqual([3, "no good"]);
  });

  it("ends with its deadline as its status, although single failures are told", async () => {
    const read: GrpcMethod["read"] = () => ({ answer: () => Promise.reject(new ServeError("DEADLINE_EXCEEDED", "too late")) });
    const fail: GrpcMethod["fail"] = ({ message }) => [Buffer.from(message)];
    const client = await start([{ streaming: true, read, fail }]);
    const stream = client.makeBidiStreamRequest("/s/echo", same, same, new Metadata(), { deadline: Date.now() + 10_000 });
    stream.on("error", () => undefined);
    stream.on("data", () => undefined);
    const status = new Promise((resolve) => stream.on("status", ({ code, details }) => resolve([code, details])));
    stream.write(Buffer.from("a"));
    expect(await status).toEqual([4, "too late"]);
  });

  it("has at most so many requests under way that the client has to wait", async () => {
    let begun = 0;
    const releases: Array<() => void> = [];
    const read: GrpcMethod["read"] = (message) => {
      begun++;
      return { answer: () => new Promise((resolve) => releases.push(() => resolve([message]))) };
    };
    const { stream, got, ended } = open(await start([{ streaming: true, read }]));
    for (let index = 0; index < 300; index++) stream.write(Buffer.alloc(1000));
    stream.end();
    await expect.poll(() => begun).toBeGreaterThan(50);
    expect(begun).toBeLessThan(300);
    while (got.length < 300) {
      for (const release of releases.splice(0)) release();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await ended)[0]).toBe(0);
  });

  it("gives others their turn when thousands of requests come in one piece, of which few are under way", async () => {
    let under = 0;
    let most = 0;
    let turns = 0;
    const answer = async () => {
      most = Math.max(most, ++under);
      await Promise.resolve();
      under--;
      return [Buffer.from("x")];
    };
    await start([{ streaming: true, read: () => ({ answer }) }]);
    const session = connect(`http://${clients[0]?.getChannel().getTarget().replace("dns:", "") ?? ""}`);
    const stream = session.request({ ":path": "/s/echo", ":method": "POST", "content-type": "application/grpc" });
    let bytes = 0;
    stream.on("data", (chunk: Buffer) => {
      bytes += chunk.byteLength;
    });
    const status = new Promise((resolve) => stream.on("trailers", (trailers) => resolve(trailers["grpc-status"])));
    const count = (): void => {
      turns++;
      if (!stream.closed) setImmediate(count);
    };
    count();
    stream.end(Buffer.alloc(5 * 6400));
    expect(await status).toBe("0");
    expect(bytes).toBe(6 * 6400);
    expect(most).toBeLessThanOrEqual(64);
    expect(turns).toBeGreaterThan(50);
    session.destroy();
  });

  it("outlives connections that end while streams are open", async () => {
    const client = await start([{ streaming: true }, { path: "/s/unary" }]);
    const target = client.getChannel().getTarget().replace("dns:", "");
    for (const hasSent of [false, true]) {
      const session = connect(`http://${target}`);
      session.on("error", () => undefined);
      for (let count = 0; count < 50; count++) {
        const stream = session.request({ ":path": "/s/echo", ":method": "POST", "content-type": "application/grpc" });
        stream.on("error", () => undefined);
        if (hasSent) stream.end();
      }
      await new Promise<void>((resolve) => session.once("connect", () => setImmediate(resolve)));
      session.destroy();
    }
    expect(String(await call(client, "still here", { path: "/s/unary" }))).toBe("still here");
  });
});

describe("closing", () => {
  it("finishes what is under way, takes nothing new, and ends quiet streams", async () => {
    let release: () => void = () => undefined;
    let begun: () => void = () => undefined;
    const beginning = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const read: GrpcMethod["read"] = (message) => ({
      answer: () => {
        begun();
        return new Promise((resolve) => {
          release = () => resolve([message]);
        });
      },
    });
    const client = await start([{ read }, { path: "/s/stream", streaming: true }]);
    const quiet = client.makeBidiStreamRequest("/s/stream", same, same);
    const status = new Promise<number>((resolve) => quiet.on("status", ({ code }) => resolve(code)));
    quiet.on("error", () => undefined);
    const first = new Promise((resolve) => quiet.on("data", resolve));
    quiet.write(Buffer.from("hello"));
    await first;
    const answer = call(client, "last");
    await beginning;
    const closed = server?.close();
    expect(await status).toBe(14);
    release();
    expect(String(await answer)).toBe("last");
    await closed;
    expect((await failure(call(client, "new", { deadline: 300 })))[0]).not.toBe(0);
  });
});

describe("what is no call", () => {
  it("is told so in plain HTTP/2", async () => {
    await start([{}]);
    const target = clients[0]?.getChannel().getTarget().replace("dns:", "") ?? "";
    const session = connect(`http://${target}`);
    const status = await new Promise((resolve) => session.request({ ":path": "/" }).on("response", (head) => resolve(head[":status"])));
    expect(status).toBe(405);
    const web = session.request({ ":path": "/s/echo", ":method": "POST", "content-type": "application/grpc-web" });
    expect(await new Promise((resolve) => web.on("response", (head) => resolve(head[":status"])))).toBe(415);
    session.destroy();
  });

  it("is ended when a message does not come in time", async () => {
    const clock = new FakeClock();
    await start([{}], { clock, limits: { ...DEFAULT_LIMITS, bodyTimeoutMs: 5000 } });
    const target = clients[0]?.getChannel().getTarget().replace("dns:", "") ?? "";
    const session = connect(`http://${target}`);
    const slow = session.request({ ":path": "/s/echo", ":method": "POST", "content-type": "application/grpc" });
    const head = new Promise<Record<string, unknown>>((resolve) => slow.on("response", resolve));
    slow.write(Buffer.from([0, 0, 0]));
    const settings = new Promise((resolve) => session.once("remoteSettings", resolve));
    await settings;
    await new Promise<void>((resolve) => session.ping(() => resolve()));
    await clock.advance(7000);
    expect((await head)["grpc-status"]).toBe("4");
    slow.close(constants.NGHTTP2_CANCEL);
    session.destroy();
  });
});

it("takes a call away from a client that takes nothing of its answer", async () => {
  const clock = new FakeClock();
  const memory = new BodyMemory(1e9);
  await start([{ read: () => ({ answer: () => [Buffer.alloc(500_000)] }) }], { clock, memory });
  const target = clients[0]?.getChannel().getTarget().replace("dns:", "") ?? "";
  const session = connect(`http://${target}`, { settings: { initialWindowSize: 0 } });
  await new Promise((resolve) => session.once("remoteSettings", resolve));
  const slow = session.request({ ":path": "/s/echo", ":method": "POST", "content-type": "application/grpc" });
  const closed = new Promise<number>((resolve) => slow.once("close", () => resolve(slow.rstCode)));
  slow.on("error", () => undefined);
  slow.end(Buffer.from([0, 0, 0, 0, 0]));
  await expect.poll(() => memory.held).toBeGreaterThan(400_000);
  await clock.advance(DEFAULT_LIMITS.answerTimeoutMs + 2000);
  expect(await closed).toBe(constants.NGHTTP2_CANCEL);
  await expect.poll(() => memory.held).toBe(0);
  session.destroy();
});

describe("the message reader", () => {
  it("finds the same messages however the bytes are cut", () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 });
    fc.assert(
      fc.property(messages, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (sent, cuts) => {
        const bytes = Buffer.concat(
          sent.flatMap((message) => {
            const prefix = Buffer.alloc(5);
            prefix.writeUInt32BE(message.length, 1);
            return [prefix, message];
          }),
        );
        const memory = new BodyMemory(1e6);
        const found: number[][] = [];
        const reader = new MessageReader(
          1e6,
          () => memory.open(),
          ({ bytes: message, account }) => {
            found.push([...message]);
            account.release();
          },
        );
        for (let from = 0, index = 0; from < bytes.length; index++) {
          const to = from + (cuts[index % cuts.length] as number);
          reader.push(bytes.subarray(from, to));
          from = to;
        }
        expect(found).toEqual(sent.map((message) => [...message]));
        expect(reader.partial).toBe(false);
        expect(memory.held).toBe(0);
      }),
    );
  });
});

it("encodes what a header cannot have", () => {
  expect(percentEncoded("a b%\n✓")).toBe("a b%25%0A%E2%9C%93");
});
