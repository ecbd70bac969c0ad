import { rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OpenApiDocument } from "../../src/openapi/index.ts";
import { nitrous } from "../cli-process.ts";
import { type Answered, answerChecker } from "../openapi-answers.ts";
import { EVENT, GOOD_REQUESTS, type GoodRequest, REGION_KEY } from "../openapi-requests.ts";
import { EXAMPLES, type ServerProcess, startServer, untilLoaded } from "../server-process.ts";

let server: ServerProcess;
let document: OpenApiDocument;
let problemOf: (answer: Answered) => string;

/** What a client would have made there. */
const REGION = `/dev/shm${REGION_KEY}`;

beforeAll(async () => {
  writeFileSync(REGION, new Uint8Array(64));
  server = await startServer([`${EXAMPLES}/iris-onnx`], ["--allow-client-shm", "true"]);
  await untilLoaded(server);
  document = (await (await fetch(`${server.url}/openapi.json`)).json()) as OpenApiDocument;
  problemOf = answerChecker(document);
});
afterAll(async () => {
  rmSync(REGION, { force: true });
  await server?.stop();
});

interface Operation {
  readonly method: string;
  readonly path: string;
}

function operations(): Operation[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => ({ method: method.toUpperCase(), path })),
  );
}

const keyOf = ({ method, path }: Operation): string => `${method} ${path}`;

async function ask({ method, path }: Operation, concrete: string, { body, headers = {} }: Partial<GoodRequest> = {}): Promise<Answered> {
  const isText = typeof body === "string";
  const response = await fetch(`${server.url}${concrete}`, {
    method,
    headers: { ...(body === undefined || isText ? {} : { "Content-Type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
    signal: AbortSignal.timeout(10_000),
  });
  const [type = ""] = (response.headers.get("content-type") ?? "").split(";", 1);
  return { method, path, status: response.status, type, body: await response.text() };
}

function inPlace(path: string, parameters: Readonly<Record<string, string>>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(parameters[name] ?? "nothing"));
}

describe("answers", () => {
  it("are asked for of every operation that has any", () => {
    const asked = new Set(GOOD_REQUESTS.map(({ operation }) => operation));
    const missing = operations().filter((operation) => {
      const { responses = {} } = document.paths[operation.path]?.[operation.method.toLowerCase()] ?? {};
      return Object.keys(responses as object).some((status) => /^2/.test(status)) && !asked.has(keyOf(operation));
    });
    expect(missing.map(keyOf)).toEqual([]);
  });

  it.each([
    ["without a body", undefined],
    ["with a body that is no JSON", "{"],
    ["with an empty object", "{}"],
    ["with a list", "[1]"],
  ])("to every operation about nothing that is there, %s, are too", async (_name, body) => {
    const answers = await Promise.all(
      operations().map(async (operation) => {
        const isRead = operation.method === "GET";
        const answer = await ask(operation, inPlace(operation.path, {}), isRead || body === undefined ? {} : { body });
        const problem = answer.status >= 500 && answer.status !== 501 ? "a fault" : problemOf(answer);
        return problem === "" ? [] : [`${keyOf(operation)} ${answer.status} ${problem} ${answer.body.slice(0, 200)}`];
      }),
    );
    expect(answers.flat()).toEqual([]);
  });

  it("to methods that the document does not have are that they are not there", async () => {
    const allowed = new Set(operations().map(keyOf));
    const paths = Object.keys(document.paths);
    const asked = paths.flatMap((path) => ["GET", "POST", "PUT", "PATCH", "DELETE"].map((method) => ({ method, path })));
    const answers = await Promise.all(
      asked
        .filter((operation) => !allowed.has(keyOf(operation)))
        .map(async (operation) => `${(await ask(operation, inPlace(operation.path, {}))).status} ${keyOf(operation)}`),
    );
    // Paths with parameters may mean other operations too.
    expect(answers.filter((answer) => !/^(405|404|415|400|422) /.test(answer))).toEqual([]);
  });

  it("are described by what the command prints", async () => {
    const { code, stdout } = await nitrous(["openapi", "--server", server.url]);
    expect([code, JSON.parse(stdout)]).toEqual([0, document]);
  });

  // Last: it makes a key, from which on one is needed.
  it("to good requests are as the document says", async () => {
    const wrong: string[] = [];
    let future = "";
    let event = "";
    let key = "";
    for (const request of GOOD_REQUESTS) {
      const [method = "", path = ""] = request.operation.split(" ");
      const parameters: Record<string, string> = {
        model: "iris-onnx",
        version: "1",
        method: "predict",
        namespace: "default",
        id: future,
        ...request.parameters,
      };
      if (parameters.name === EVENT) parameters.name = event;
      const headers = { ...request.headers, ...(key === "" ? {} : { Authorization: `Bearer ${key}` }) };
      const answer = await ask({ method, path }, inPlace(path, parameters) + (request.query ?? ""), { ...request, headers });
      if (path === "/nitrous/keys" && method === "POST") key = (JSON.parse(answer.body) as { token: string }).token;
      if (path === "/api/v1/events" && request.query === undefined && request.headers === undefined)
        event = (JSON.parse(answer.body) as { items: { metadata: { name: string } }[] }).items[0]?.metadata.name ?? "";
      if (path.endsWith("/submit")) future = (JSON.parse(answer.body) as { id: string }).id;
      const problem = answer.status === (request.status ?? 200) ? problemOf(answer) : "another status";
      if (problem !== "") wrong.push(`${request.operation} ${answer.status}: ${problem} ${answer.body.slice(0, 300)}`);
    }
    expect(wrong).toEqual([]);
  });
});
