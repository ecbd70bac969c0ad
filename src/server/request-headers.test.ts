import { request as httpRequest } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../test/fake-clock.ts";
import { httpServerOptions } from "../../test/http-server-options.ts";
import type { HttpHead } from "../core/http.ts";
import { createHttpServer, type HttpServer } from "./index.ts";

const STARTED = 5000;
const REQUEST_TIMEOUT = 60_000;

let server: HttpServer | undefined;
afterEach(() => server?.destroy());

/** What the gate saw of the context, or why the request was refused. */
async function ask(headers: Readonly<Record<string, string | string[]>>): Promise<{ status: number; body: string }> {
  const clock = new FakeClock();
  await clock.advance(STARTED);
  let seen: HttpHead["context"] | undefined;
  server = createHttpServer({
    ...httpServerOptions(),
    routes: [
      {
        method: "POST",
        path: "/",
        access: "infer",
        protocol: "v1",
        gate: ({ context }) => {
          seen = context;
        },
        handle: () => ({ status: 200, body: JSON.stringify([(seen?.deadline ?? 0) - STARTED, seen?.priority ?? null, seen?.principal]) }),
        fail: ({ code, message }) => ({ status: 400, body: `${code} ${message}` }),
      },
    ],
    guard: () => "web",
    clock,
    requestTimeoutMs: REQUEST_TIMEOUT,
  });
  const port = await server.listen(0, "127.0.0.1");
  return await new Promise((resolve, reject) => {
    const request = httpRequest({ port, host: "127.0.0.1", method: "POST", headers }, async (response) => {
      let body = "";
      for await (const piece of response) body += String(piece);
      resolve({ status: response.statusCode ?? 0, body });
    });
    request.on("error", reject);
    request.end("{}");
  });
}

describe("headers of a request", () => {
  it.each<[Record<string, string>, number, number | null]>([
    [{}, REQUEST_TIMEOUT, null],
    [{ "nitrous-timeout": "250" }, 250, null],
    [{ "Nitrous-Timeout": "999999999" }, REQUEST_TIMEOUT, null],
    [{ "grpc-timeout": "500m" }, 500, null],
    [{ "grpc-timeout": "2S" }, 2000, null],
    [{ "grpc-timeout": "1M" }, 60_000, null],
    [{ "grpc-timeout": "1H" }, REQUEST_TIMEOUT, null],
    [{ "grpc-timeout": "1500u" }, 1.5, null],
    [{ "grpc-timeout": "500000n" }, 0.5, null],
    [{ "grpc-timeout": "2S", "nitrous-timeout": "100" }, 100, null],
    [{ "nitrous-timeout": "0" }, 0, null],
    [{ "nitrous-priority": "1" }, REQUEST_TIMEOUT, 1],
  ])("%j: known to the gate, with who asks", async (headers, timeout, priority) => {
    expect(await ask(headers)).toEqual({ status: 200, body: JSON.stringify([timeout, priority, "web"]) });
  });

  it.each<[string, string | string[], string]>([
    ["nitrous-timeout", "2S", 'expected a whole number of milliseconds, such as 500, found "2S"'],
    ["nitrous-timeout", "-1", 'expected a whole number of milliseconds, such as 500, found "-1"'],
    ["nitrous-timeout", "", 'expected a whole number of milliseconds, such as 500, found ""'],
    ["nitrous-timeout", ["1", "2"], 'expected a whole number of milliseconds, such as 500, found "1, 2"'],
    ["grpc-timeout", "500", 'expected at most 8 digits and a unit of H, M, S, m, u or n, such as 500m, found "500"'],
    ["grpc-timeout", "123456789m", "expected at most 8 digits"],
    ["nitrous-priority", "0", 'expected a whole number from 1 (first) to 5, found "0"'],
    ["nitrous-priority", "9".repeat(50), `expected a whole number from 1 (first) to 5, found "${"9".repeat(20)}…"`],
  ])("%s: %j is refused", async (name, value, message) => {
    const { status, body } = await ask({ [name]: value });
    expect(status).toBe(400);
    expect(body).toContain(`INVALID_ARGUMENT header ${name}: ${message}`);
  });
});
