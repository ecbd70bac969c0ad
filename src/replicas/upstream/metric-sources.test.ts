import { createServer, type RequestListener, type Server } from "node:http";
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../../test/fake-clock.ts";
import { ServeError } from "../../core/errors.ts";
import { type MetricSource, MetricSources } from "./metric-sources.ts";

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function source(answer: RequestListener, changes: Partial<MetricSource> = {}): Promise<MetricSource> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const connectTo = (): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("connect", () => resolve(socket));
      socket.once("error", reject);
    });
  const named = { namespace: "default", model: "iris", runtime: "mine" };
  return { endpoint: { connect: connectTo }, port: 8082, path: "/metrics", authority: "127.0.0.1:8082", ...named, ...changes };
}

const saying =
  (text: string): RequestListener =>
  (_, reply) =>
    reply.end(text);

describe("sources of metrics", () => {
  it("are asked at their path, each with the labels of its server", async () => {
    const sources = new MetricSources(new FakeClock());
    let asked = "";
    sources.add(
      await source((request, reply) => {
        asked = `${request.method} ${request.url} ${request.headers.host} ${request.headers.accept}`;
        reply.end("a 1\n");
      }),
    );
    sources.add(await source(saying("a 2\n")));
    sources.add(await source(saying("a 3\n"), { model: undefined }));
    const scraped = await sources.scrape();
    expect(scraped.map(({ labels, text }) => [labels, text])).toEqual([
      [{ namespace: "default", model: "iris", runtime: "mine", replica: "0" }, "a 1\n"],
      [{ namespace: "default", model: "iris", runtime: "mine", replica: "1" }, "a 2\n"],
      [{ namespace: "default", runtime: "mine", replica: "0" }, "a 3\n"],
    ]);
    expect(asked).toMatch(/^GET \/metrics 127\.0\.0\.1:8082 text\/plain;version=0\.0\.4/);
  });

  it("are asked again when what they told is old, and not when they are gone", async () => {
    const clock = new FakeClock();
    const sources = new MetricSources(clock);
    let asked = 0;
    const remove = sources.add(await source((_, reply) => reply.end(`a ${++asked}\n`)));
    await Promise.all([sources.scrape(), sources.scrape()]);
    await clock.advance(2_999);
    expect((await sources.scrape())[0]?.text).toBe("a 1\n");
    await clock.advance(1);
    expect((await sources.scrape())[0]?.text).toBe("a 2\n");
    remove();
    await clock.advance(3_000);
    expect(await sources.scrape()).toEqual([]);
  });

  it("that do not tell cost nobody more than their time", async () => {
    const clock = new FakeClock();
    const sources = new MetricSources(clock);
    let silent = (): void => undefined;
    const isAsked = new Promise<void>((resolve) => {
      silent = resolve;
    });
    const fails = { endpoint: { connect: () => Promise.reject(new ServeError("UNAVAILABLE", "nobody listens")) } };
    sources.add(await source(saying(""), fails));
    sources.add(await source((_, reply) => reply.writeHead(404).end("no")));
    sources.add(await source(() => silent()));
    let told = (): void => undefined;
    const isTold = new Promise<void>((resolve) => {
      told = resolve;
    });
    sources.add(await source((_, reply) => reply.end("a 1\n").once("finish", told)));
    const scraped = sources.scrape();
    await Promise.all([isAsked, isTold]);
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(2_000);
    expect((await scraped).map(({ text }) => text)).toEqual([undefined, undefined, undefined, "a 1\n"]);
    expect((await scraped)[2]?.seconds).toBe(2);
  });

  it("are not read for ever", async () => {
    const sources = new MetricSources(new FakeClock());
    sources.add(
      await source((_, reply) => {
        const more = (): void => {
          while (reply.write("a 1\n".repeat(16_384)));
          if (!reply.destroyed) reply.once("drain", more);
        };
        more();
      }),
    );
    expect((await sources.scrape()).map(({ text }) => text)).toEqual([undefined]);
  });
});
