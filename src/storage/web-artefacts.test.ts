import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { tarGzOf } from "../../test/archives.ts";
import { FakeClock } from "../../test/fake-clock.ts";
import { fileHandler, type Handler, LoopbackServer } from "../../test/loopback-server.ts";
import { ServeError } from "../core/errors.ts";
import { createStorage, type Fetched } from "./index.ts";

const CONTENT = randomBytes(300_000);
const sha256 = (content: Buffer): string => createHash("sha256").update(content).digest("hex");

let folder: string;
let clock: FakeClock;
let lines: string[];
const servers: LoopbackServer[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "web-"));
  clock = new FakeClock();
  lines = [];
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
  await rm(folder, { recursive: true, force: true });
});

async function serve(handle: Handler): Promise<LoopbackServer> {
  const server = await LoopbackServer.start(handle);
  servers.push(server);
  return server;
}

/** A storage as it is after a start; pauses between attempts pass as soon as they are announced. */
function fetcher(): (uri: string, options?: { sha256?: string; signal?: AbortSignal }) => Promise<Fetched> {
  const storage = createStorage({ cacheDirectory: join(folder, "cache"), volumes: {}, clock });
  const say = (line: string): void => {
    lines.push(line);
    const seconds = /trying again in (\d+) s/.exec(line)?.[1];
    if (seconds !== undefined) setImmediate(() => void clock.advance(1000 * Number(seconds)));
  };
  return async (uri, { sha256, signal = new AbortController().signal } = {}) =>
    await storage.fetch({ uri, baseDirectory: folder, ...(sha256 === undefined ? {} : { sha256 }) }, say, signal);
}

async function failure(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ServeError);
  return `${(error as ServeError).code}: ${(error as ServeError).message}`;
}

const inCache = async (name: string): Promise<string[]> => await readdir(join(folder, "cache", name));

/** Answers with the first half and hangs up. */
const half: Handler = (_request, response) => {
  response.writeHead(200, { etag: '"one"', "content-length": CONTENT.length });
  response.write(CONTENT.subarray(0, 150_000), () => response.destroy());
};
const inTurn =
  (...handlers: readonly Handler[]): Handler =>
  (request, response, count) =>
    (handlers[count - 1] ?? handlers.at(-1))?.(request, response, count);
const status =
  (code: number, headers: Record<string, string> = {}): Handler =>
  (_request, response) => {
    response.writeHead(code, headers).end();
  };

describe("a download", () => {
  it("keeps the file's name, says how far it is, and asks for the file as it is", async () => {
    const server = await serve(fileHandler(CONTENT));
    const fetched = await fetcher()(`http://user:hush@127.0.0.1:${server.port}/models/my%20model.onnx?token=secret`);
    expect(basename(fetched.path)).toBe("my model.onnx");
    expect((await readFile(fetched.path)).equals(CONTENT)).toBe(true);
    expect(fetched).toMatchObject({ bytes: CONTENT.length, sha256: sha256(CONTENT) });
    expect(lines[0]).toBe(`fetching ${server.url("/models/my%20model.onnx?…")}: 0 of 293 KiB (0%)`);
    expect(lines).toHaveLength(1);
    expect(server.requests[0]?.headers).toMatchObject({ "accept-encoding": "identity", authorization: "Basic dXNlcjpodXNo" });
    expect(await inCache("downloads")).toEqual([]);
    expect(await inCache("temporary")).toEqual([]);
  });

  it("goes on in the middle after the connection broke", async () => {
    const server = await serve(inTurn(half, fileHandler(CONTENT)));
    const { path } = await fetcher()(server.url("/m.onnx"));
    expect((await readFile(path)).equals(CONTENT)).toBe(true);
    expect(server.requests[1]?.headers["if-range"]).toBe('"one"');
    expect(Number(/^bytes=(\d+)-$/.exec(server.requests[1]?.headers.range ?? "")?.[1])).toBeGreaterThan(0);
    expect(lines.join("\n")).toMatch(/trying again in 1 s/);
  });

  it("starts again when the server ignores the range, or the file has changed", async () => {
    const other = randomBytes(200_000);
    const ignoring: Handler = (_request, response) => void response.writeHead(200, { etag: '"one"' }).end(CONTENT);
    for (const [second, expected] of [
      [ignoring, CONTENT],
      [fileHandler(other, '"two"'), other],
    ] as const) {
      const server = await serve(inTurn(half, second));
      const { path } = await fetcher()(server.url("/m.onnx"));
      expect((await readFile(path)).equals(expected)).toBe(true);
      expect(server.requests[1]?.headers.range).toBeDefined();
    }
    expect(lines.join("\n")).toMatch(/starting again/);
  });

  it("does not mix versions when a server sends the rest of another one", async () => {
    const other = randomBytes(CONTENT.length);
    const lying: Handler = (request, response) => {
      const from = Number(/\d+/.exec(request.headers.range ?? "0")?.[0]);
      const range = `bytes ${from}-${other.length - 1}/${other.length}`;
      response.writeHead(206, { etag: '"two"', "content-range": range }).end(other.subarray(from));
    };
    const server = await serve(inTurn(half, lying, fileHandler(other, '"two"')));
    const { path } = await fetcher()(server.url("/m.onnx"));
    expect((await readFile(path)).equals(other)).toBe(true);
    expect(server.requests[2]?.headers.range).toBeUndefined();
  });

  it("goes on after a restart, also when only the end was missed", async () => {
    const server = await serve(inTurn(half, status(503), status(503), status(503), status(503), fileHandler(CONTENT)));
    expect(await failure(fetcher()(server.url("/m.onnx")))).toMatch(/^UNAVAILABLE: .*could not be fetched in 5 attempts/);
    const { path } = await fetcher()(server.url("/m.onnx"));
    expect((await readFile(path)).equals(CONTENT)).toBe(true);
    expect(server.requests[5]?.headers.range).toBeDefined();

    await rm(join(folder, "cache", "content"), { recursive: true });
    const partial = createHash("sha256").update(server.url("/m.onnx")).digest("hex");
    await writeFile(join(folder, "cache", "downloads", partial), CONTENT);
    await writeFile(join(folder, "cache", "downloads", `${partial}.json`), JSON.stringify({ etag: '"one"' }));
    expect((await fetcher()(server.url("/m.onnx"))).sha256).toBe(sha256(CONTENT));
    expect(server.requests.at(-1)?.headers.range).toBe(`bytes=${CONTENT.length}-`);
  });

  it("tries again after 503 and 429, as late as the server wants, and gives up some time", async () => {
    const server = await serve(inTurn(status(503), status(429, { "retry-after": "7" }), fileHandler(CONTENT)));
    await fetcher()(server.url("/m.onnx"));
    expect(lines.filter((line) => line.includes("trying again")).map((line) => line.replace(/.*: the/, "the"))).toEqual([
      "the server answered 503; trying again in 1 s",
      "the server answered 429; trying again in 7 s",
    ]);
    const broken = await serve(status(500));
    expect(await failure(fetcher()(broken.url("/m.onnx")))).toMatch(/^UNAVAILABLE: .*in 5 attempts: the server answered 500/);
    expect(broken.requests).toHaveLength(5);
  });

  it.each([
    [404, /^NOT_FOUND: there is nothing at/],
    [401, /^PERMISSION_DENIED: .*wants credentials/],
    [403, /^PERMISSION_DENIED: .*may not be fetched/],
    [400, /^FAILED_PRECONDITION: .*answered 400/],
    [304, /^FAILED_PRECONDITION: .*answered 304/],
  ])("fails at once for %i, without showing secrets", async (code, message) => {
    const server = await serve(status(code));
    const text = await failure(fetcher()(`http://user:hush@127.0.0.1:${server.port}/m.onnx?sig=secret`));
    expect(text).toMatch(message);
    expect(text + lines.join()).not.toMatch(/hush|secret|user/);
    expect(server.requests).toHaveLength(1);
  });

  it("gives up when nobody listens", async () => {
    const server = await serve(status(200));
    const uri = server.url("/m.onnx?sig=secret");
    await servers.pop()?.stop();
    const text = await failure(fetcher()(uri));
    expect(text).toMatch(/^UNAVAILABLE: .*ECONNREFUSED/);
    expect(text).not.toMatch(/secret/);
  });

  it("says both hashes when the content is not what was expected, and keeps nothing", async () => {
    const server = await serve(fileHandler(CONTENT));
    const text = await failure(fetcher()(server.url("/m.onnx"), { sha256: "0".repeat(64) }));
    expect(text).toMatch(/^DATA_LOSS/);
    expect(text).toContain(sha256(CONTENT));
    expect(text).toContain("0".repeat(64));
    expect([...(await inCache("downloads")), ...(await inCache("content")), ...(await inCache("temporary"))]).toEqual([]);
    const right = await fetcher()(server.url("/m.onnx"), { sha256: sha256(CONTENT).toUpperCase() });
    expect((await readFile(right.path)).equals(CONTENT)).toBe(true);
  });

  it("follows redirects, keeping credentials to their own server, and not for ever", async () => {
    const target = await serve(fileHandler(CONTENT));
    const server = await serve((request, response) => {
      if (request.url?.startsWith("/loop.onnx")) response.writeHead(302, { location: "/loop.onnx?secret" }).end();
      else if (request.url === "/odd.onnx") response.writeHead(302, { location: "ftp://elsewhere/secret" }).end();
      else if (request.url === "/latest.onnx") response.writeHead(302, { location: "/v1/other" }).end();
      else response.writeHead(307, { location: target.url("/blob?sig=secret") }).end();
    });
    const { path } = await fetcher()(`http://user:hush@127.0.0.1:${server.port}/latest.onnx`);
    expect(basename(path)).toBe("latest.onnx");
    expect(server.requests[1]?.headers.authorization).toBeDefined();
    expect(target.requests[0]?.headers.authorization).toBeUndefined();
    const loop = await failure(fetcher()(server.url("/loop.onnx")));
    expect(loop).toMatch(/^FAILED_PRECONDITION: .*more than 10 times/);
    expect(loop).not.toMatch(/secret/);
    expect(await failure(fetcher()(server.url("/odd.onnx")))).toMatch(/redirects to a ftp:/);
  });

  it("takes the name that the server gives when the URL has none, and never a path", async () => {
    const server = await serve((_request, response) =>
      response.writeHead(200, { "content-disposition": 'attachment; filename="../../etc/net.onnx"' }).end(CONTENT),
    );
    const { path } = await fetcher()(server.url("/download?id=7"));
    expect(basename(path)).toBe("net.onnx");
    expect(path.startsWith(join(folder, "cache", "content"))).toBe(true);
  });

  it("refuses what is sent compressed", async () => {
    const server = await serve((_request, response) => response.writeHead(200, { "content-encoding": "br" }).end("x"));
    expect(await failure(fetcher()(server.url("/m.onnx")))).toMatch(/^FAILED_PRECONDITION: .*Content-Encoding: br/);
  });

  it("ends when a server says nothing any more", async () => {
    const server = await serve(() => setImmediate(() => void clock.advance(60_000)));
    expect(await failure(fetcher()(server.url("/m.onnx")))).toMatch(/^UNAVAILABLE: .*nothing came for 60 s/);
    expect(server.requests).toHaveLength(5);
    expect(clock.timers).toBe(0);
  });

  it("goes on after a server stopped in the middle", async () => {
    const hanging: Handler = (_request, response) => {
      response.writeHead(200, { etag: '"one"', "content-length": CONTENT.length });
      response.write(CONTENT.subarray(0, 1000));
    };
    const server = await serve(inTurn(hanging, fileHandler(CONTENT)));
    const fetched = fetcher()(server.url("/m.onnx"));
    await untilPartial(1000);
    await clock.advance(60_000);
    expect((await readFile((await fetched).path)).equals(CONTENT)).toBe(true);
    expect(server.requests[1]?.headers.range).toBe("bytes=1000-");
  });

  it("stops when it is aborted: nothing runs, nothing is to be seen, and the next goes on", async () => {
    const hanging: Handler = (_request, response) => {
      response.writeHead(200, { etag: '"one"', "content-length": CONTENT.length });
      response.write(CONTENT.subarray(0, 1000));
    };
    const server = await serve(inTurn(hanging, fileHandler(CONTENT)));
    const controller = new AbortController();
    const fetched = fetcher()(server.url("/m.onnx"), { signal: controller.signal });
    const failed = expect(fetched).rejects.toThrow("not wanted any more");
    await untilPartial(1000);
    controller.abort(new Error("not wanted any more"));
    await failed;
    expect(clock.timers).toBe(0);
    await vi.waitFor(async () => expect(await server.connections).toBe(0));
    expect([...(await inCache("content")), ...(await inCache("temporary"))]).toEqual([]);
    expect((await fetcher()(server.url("/m.onnx"))).sha256).toBe(sha256(CONTENT));
    expect(server.requests[1]?.headers.range).toBe("bytes=1000-");
  });

  async function untilPartial(bytes: number): Promise<void> {
    await vi.waitFor(async () => {
      const name = (await inCache("downloads")).find((name) => /^[0-9a-f]{64}$/.test(name));
      expect((await stat(join(folder, "cache", "downloads", name ?? ""))).size).toBe(bytes);
    });
  }
});

describe("what was downloaded before", () => {
  const archive = tarGzOf([{ name: "model/model.onnx", content: CONTENT }]);

  it("is downloaded and unpacked once for all who want it at the same time", async () => {
    const server = await serve(fileHandler(archive));
    const fetch = fetcher();
    const all = await Promise.all(Array.from({ length: 10 }, () => fetch(server.url("/m.tar.gz"))));
    expect(server.requests).toHaveLength(1);
    expect(new Set(all.map(({ path }) => path)).size).toBe(1);
    expect(await readdir(all[0]?.path ?? "")).toEqual(["model.onnx"]);
    expect(await inCache("content")).toHaveLength(1);
  });

  it("is used again after a restart when the server says that it is the same", async () => {
    const server = await serve(fileHandler(archive));
    const first = await fetcher()(server.url("/m.tar.gz"));
    expect(await fetcher()(server.url("/m.tar.gz"))).toEqual(first);
    expect(server.requests.map(({ headers }) => headers["if-none-match"])).toEqual([undefined, '"one"']);
    expect(lines.at(-1)).toMatch(/has not changed/);
  });

  it("is replaced when it has changed", async () => {
    const server = await serve(inTurn(fileHandler(archive), fileHandler(tarGzOf([{ name: "new.onnx", content: "new" }]), '"two"')));
    const first = await fetcher()(server.url("/m.tar.gz"));
    const second = await fetcher()(server.url("/m.tar.gz"));
    expect(await readdir(second.path)).toEqual(["new.onnx"]);
    expect(await readdir(first.path)).toEqual(["model.onnx"]);
  });

  it("is used when the server is away, and that is said", async () => {
    const server = await serve(inTurn(fileHandler(archive), status(503)));
    const uri = server.url("/m.tar.gz?sig=secret");
    const first = await fetcher()(uri);
    expect(await fetcher()(uri)).toEqual(first);
    expect(lines.at(-1)).toMatch(/in 2 attempts.*503; using the copy that was fetched before/);
    const [gone] = servers.splice(0);
    await gone?.stop();
    expect(await fetcher()(uri)).toEqual(first);
    expect(lines.at(-1)).toMatch(/ECONNREFUSED.*using the copy/);
    expect(lines.join()).not.toMatch(/secret/);
  });

  it("needs no server when its hash is named", async () => {
    const server = await serve(fileHandler(archive));
    const first = await fetcher()(server.url("/m.tar.gz"), { sha256: sha256(archive) });
    expect(await fetcher()(server.url("/m.tar.gz"), { sha256: sha256(archive) })).toEqual(first);
    expect(await fetcher()(server.url("/mirror/m.tar.gz"), { sha256: sha256(archive) })).toEqual(first);
    expect(server.requests).toHaveLength(1);
  });

  it("is downloaded again when it was damaged meanwhile, and not when byte code was added", async () => {
    const server = await serve(fileHandler(archive));
    const { path } = await fetcher()(server.url("/m.tar.gz"));
    await writeFile(join(path, "added.pyc"), "x");
    await fetcher()(server.url("/m.tar.gz"));
    expect(server.requests[1]?.headers["if-none-match"]).toBe('"one"');
    await writeFile(join(path, "model.onnx"), "cut");
    const again = await fetcher()(server.url("/m.tar.gz"));
    expect(server.requests[2]?.headers["if-none-match"]).toBeUndefined();
    expect((await readFile(join(again.path, "model.onnx"))).equals(CONTENT)).toBe(true);
  });

  it("is not kept when the archive is damaged", async () => {
    const server = await serve(inTurn(fileHandler(archive.subarray(0, 1000)), fileHandler(archive)));
    expect(await failure(fetcher()(server.url("/m.tar.gz")))).toMatch(/^DATA_LOSS: the archive is damaged/);
    expect([...(await inCache("downloads")), ...(await inCache("content")), ...(await inCache("temporary"))]).toEqual([]);
    await fetcher()(server.url("/m.tar.gz"));
  });
});
