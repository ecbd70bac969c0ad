import { describe, expect, it } from "vitest";
import { createRecord, RequestContext } from "../../core/context.ts";
import { ServeError } from "../../core/errors.ts";
import type { HttpReply, HttpRequest, Route } from "../../core/http.ts";
import { HttpError } from "../../core/http-error.ts";
import type { InferRequest, Payload, RawPayload } from "../../core/inference.ts";
import type { ModelStatus } from "../../core/model.ts";
import type { DataPlane } from "../../core/planes.ts";
import { createOpenAiRoutes } from "./routes.ts";

/** Fakes: what the planes do has tests of its own. */
const statuses = [
  { namespace: "default", name: "chat", protocols: ["openai", "v1"] },
  { namespace: "default", name: "iris", protocols: [] },
  { namespace: "team", name: "chat", protocols: ["openai"] },
] as unknown as ModelStatus[];
const found = (namespace: string, name: string): ModelStatus => {
  const status = statuses.find((each) => each.namespace === namespace && each.name === name);
  if (status === undefined) throw new ServeError("NOT_FOUND", `Model with name ${name} does not exist.`);
  return status;
};
const piece = (text: string, contentType = "text/event-stream"): RawPayload => ({ kind: "raw", contentType, body: Buffer.from(text) });

interface Asked {
  readonly steps: string[];
  readonly requests: InferRequest[];
}

function routesOf(answer: (payload: RawPayload) => Payload | AsyncIterable<Payload>, refusal?: ServeError): Asked & { routes: Route[] } {
  const steps: string[] = [];
  const requests: InferRequest[] = [];
  const dataPlane: DataPlane = {
    passes: ({ namespace, name }, protocol) => found(namespace, name).protocols.includes(protocol),
    admit(target, bytes) {
      steps.push(`admit ${target.namespace}/${target.name} ${bytes}`);
      if (refusal !== undefined) throw refusal;
    },
    signature: () => Promise.reject(new Error("not asked")),
    async infer(request) {
      steps.push("infer");
      requests.push(request);
      return { modelName: "chat", modelVersion: "1", output: answer(request.payload as RawPayload) };
    },
  };
  const controlPlane = {
    names: (namespace: string) => statuses.filter((status) => status.namespace === namespace).map(({ name }) => name),
    list: () => statuses,
    get: ({ namespace, name }: ModelStatus) => found(namespace, name),
    resources: { get: () => ({ metadata: { creationTimestamp: "2026-01-02T03:04:05Z" } }) },
  };
  return { steps, requests, routes: createOpenAiRoutes({ dataPlane, controlPlane: controlPlane as never }) };
}

/** As the server does it: an error is the route's own answer. */
async function ask(
  routes: readonly Route[],
  place: string,
  body: string | Uint8Array | object,
  headers: HttpRequest["headers"] = {},
  params: Record<string, string> = {},
): Promise<{ reply: HttpReply; text: string; context: RequestContext; target: unknown }> {
  const [method, path] = place.split(" ");
  const route = routes.find((candidate) => candidate.method === method && candidate.path === path) as Route;
  const context = new RequestContext({ deadline: 1e9, record: createRecord("openai", "", 0) });
  const bytes = body instanceof Uint8Array ? body : Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  const request: HttpRequest = { method: method ?? "", params, headers, query: new URLSearchParams(), context, body: bytes };
  let target: unknown;
  let reply: HttpReply;
  try {
    target = await route.targetInBody?.(request);
    reply = await route.handle(request);
  } catch (error) {
    reply = route.fail(error as ServeError);
  }
  let text = "";
  if (typeof reply.body === "object" && Symbol.asyncIterator in reply.body) {
    for await (const each of reply.body) text += Buffer.from(each as Uint8Array);
  } else {
    text = Buffer.from(reply.body as Uint8Array).toString();
  }
  return { reply, text, context, target };
}

const CHAT = "POST /openai/v1/chat/completions";

describe("a request", () => {
  it("passes as it is to the model that it names, and the answer comes back as it is", async () => {
    const { routes, requests, steps } = routesOf(() => piece('{"made":1}', "application/json; charset=utf-8"));
    const body = '{"messages":[],"model":"chat"}';
    const { reply, text, context, target } = await ask(routes, CHAT, body, { "content-type": "application/json" });
    expect(target).toEqual({ namespace: "default", name: "chat" });
    expect(steps).toEqual([`admit default/chat ${body.length}`, "infer"]);
    expect(requests[0]?.payload).toEqual({
      kind: "raw",
      contentType: "application/json",
      body: Buffer.from(body),
      call: { protocol: "openai", path: "/chat/completions", stream: false, modelName: { from: 24, to: 28 } },
    });
    expect([reply.status, reply.headers, text]).toEqual([200, { "Content-Type": "application/json; charset=utf-8" }, '{"made":1}']);
    expect(context.record.method).toBe("chat/completions");
  });

  it("may name the namespace too", async () => {
    const { routes } = routesOf(() => piece("{}"));
    const targetOf = async (model: string, headers = {}, params = {}) => (await ask(routes, CHAT, { model }, headers, params)).target;
    expect(await targetOf("team/chat")).toEqual({ namespace: "team", name: "chat" });
    expect(await targetOf("chat", { "nitrous-namespace": "team" })).toEqual({ namespace: "team", name: "chat" });
    expect(await targetOf("chat", {}, { namespace: "team", service: "chat" })).toEqual({ namespace: "team", name: "chat" });
    // There is no such model: it may be the id of a model that has a slash.
    expect(await targetOf("openai/clip")).toEqual({ namespace: "default", name: "openai--clip" });
    const elsewhere = await targetOf("team/chat", {}, { namespace: "default", service: "chat" });
    expect(elsewhere).toEqual({ namespace: "default", name: "team--chat", service: "chat" });
  });

  it("may be a form with a file", async () => {
    const { routes, requests } = routesOf(() => piece("text", "text/plain"));
    const form = new FormData();
    form.set("file", new Blob(["RIFF"]), "speech.wav");
    form.set("model", "chat");
    const sent = new Request("http://localhost", { method: "POST", body: form });
    const type = sent.headers.get("content-type") ?? "";
    const { text } = await ask(routes, "POST /v1/audio/transcriptions", Buffer.from(await sent.arrayBuffer()), { "content-type": type });
    expect(text).toBe("text");
    const { contentType, call, body } = (requests[0] as InferRequest).payload as RawPayload;
    expect([contentType, Buffer.from(body).toString("utf8", call?.modelName?.from, call?.modelName?.to)]).toEqual([type, "chat"]);
  });

  it("is JSON whatever curl says of it", async () => {
    const { routes, requests } = routesOf(() => piece("{}"));
    await ask(routes, CHAT, { model: "chat" }, { "content-type": "application/x-www-form-urlencoded" });
    expect(requests[0]?.payload).toMatchObject({ contentType: "application/json" });
  });
});

describe("a stream", () => {
  async function* events(...texts: string[]): AsyncGenerator<Payload> {
    for (const text of texts) {
      if (text === "break") throw new ServeError("UNAVAILABLE", "it went away");
      yield piece(text);
    }
  }

  it("is sent piece by piece with its own end", async () => {
    const { routes, requests } = routesOf(() => events("data: 1\n\n", "data: 2\n\n", "data: [DONE]\n\n"));
    const { reply, text } = await ask(routes, CHAT, { model: "chat", stream: true });
    expect(requests[0]?.payload).toMatchObject({ call: { stream: true } });
    expect(reply.headers).toEqual({ "Content-Type": "text/event-stream", "Cache-Control": "no-cache" });
    expect(text).toBe("data: 1\n\ndata: 2\n\ndata: [DONE]\n\n");
  });

  it("that breaks ends with the error, apart from an event that is not whole", async () => {
    const error = { message: "it went away", type: "server_error", param: null, code: "unavailable" };
    for (const [pieces, expected] of [
      [["data: 1\n\n"], "data: 1\n\n"],
      [["data: 1"], "data: 1\n\n"],
    ] as const) {
      const { routes } = routesOf(() => events(...pieces, "break"));
      const { text, context } = await ask(routes, CHAT, { model: "chat", stream: true });
      expect([text, context.record.outcome]).toEqual([`${expected}data: ${JSON.stringify({ error })}\n\n`, "UNAVAILABLE"]);
    }
  });

  it("that breaks before its first piece is an error with its status", async () => {
    const { routes } = routesOf(() => events("break"));
    expect((await ask(routes, CHAT, { model: "chat", stream: true })).reply.status).toBe(503);
  });

  it("ends at its source when nobody takes it", async () => {
    let ended = false;
    const { routes } = routesOf(() =>
      (async function* () {
        try {
          for (;;) yield piece("data: 1\n\n");
        } finally {
          ended = true;
        }
      })(),
    );
    const route = routes.find(({ path }) => path === "/v1/chat/completions") as Route;
    const context = new RequestContext({ deadline: 1e9, record: createRecord("openai", "", 0) });
    const body = Buffer.from('{"model":"chat","stream":true}');
    const reply = await route.handle({ method: "POST", params: {}, headers: {}, query: new URLSearchParams(), context, body });
    for await (const _ of reply.body as AsyncIterable<Uint8Array>) break;
    expect(ended).toBe(true);
  });
});

describe("errors", () => {
  it.each<[object | string, number, string, string | null, string | null]>([
    [{ model: "nobody" }, 404, "does not exist", "model", "model_not_found"],
    [{ model: "../etc" }, 404, "does not exist", "model", "model_not_found"],
    [{ model: "iris" }, 400, "POST /v1/models/iris:predict", "model", "model_not_supported"],
    [{ messages: [] }, 400, "model: expected the name of a model, got nothing", "model", null],
    [{ model: 1 }, 400, "model: expected the name of a model as a text", "model", null],
    [{ model: "m".repeat(3000) }, 400, "model: expected the name of a model, got 3002 bytes", "model", null],
    [{ model: "chat", stream: "true" }, 400, "stream: expected true or false", "stream", null],
    ["{", 400, "not a JSON object", null, null],
  ])("%j is answered with %i", async (body, status, message, param, code) => {
    const { routes, steps } = routesOf(() => piece("{}"));
    const { reply, text } = await ask(routes, CHAT, body);
    expect(reply.status).toBe(status);
    expect(JSON.parse(text)).toEqual({
      error: { message: expect.stringContaining(message), type: "invalid_request_error", param, code },
    });
    expect(steps).toEqual([]);
  });

  it("of limits say when to come again", async () => {
    const { routes } = routesOf(() => piece("{}"), new ServeError("RESOURCE_EXHAUSTED", "too many", { retryAfter: 2 }));
    const { reply, text } = await ask(routes, CHAT, { model: "chat" });
    expect(reply).toMatchObject({ status: 429, headers: { "Retry-After": "2" } });
    expect(JSON.parse(text)).toEqual({ error: { message: "too many", type: "requests", param: null, code: "rate_limit_exceeded" } });
  });

  it.each([
    [new ServeError("UNAUTHENTICATED", "a key is needed"), 401, "invalid_request_error", "invalid_api_key"],
    [new ServeError("PERMISSION_DENIED", "no"), 403, "request_forbidden", "permission_denied"],
    [new HttpError(413, "too large"), 413, "invalid_request_error", "resource_exhausted"],
    [new ServeError("DEADLINE_EXCEEDED", "late"), 504, "server_error", "deadline_exceeded"],
    [new ServeError("INTERNAL", "broke"), 500, "server_error", "internal"],
  ])("of the whole chain have OpenAI's form: %s", (error, status, type, code) => {
    for (const route of routesOf(() => piece("{}")).routes) {
      const reply = route.fail(error);
      expect([reply.status, JSON.parse(String(reply.body))]).toEqual([
        status,
        { error: { message: error.message, type, param: null, code } },
      ]);
    }
  });
});

describe("models", () => {
  const chat = { id: "chat", object: "model", created: 1767323045, owned_by: "nitrous" };
  const { routes } = routesOf(() => piece("{}"));

  it("are listed that speak the protocol", async () => {
    const { text } = await ask(routes, "GET /openai/v1/models", "");
    expect(JSON.parse(text)).toEqual({ object: "list", data: [chat] });
    const below = await ask(routes, "GET /openai/v1/models", "", {}, { namespace: "default", service: "iris" });
    expect(JSON.parse(below.text)).toEqual({ object: "list", data: [] });
  });

  it("are described, and no others", async () => {
    const describeModel = (model: string) => ask(routes, "GET /openai/v1/models/{model}", "", {}, { model });
    expect(JSON.parse((await describeModel("chat")).text)).toEqual(chat);
    expect(JSON.parse((await describeModel("team/chat")).text)).toEqual(chat);
    for (const model of ["iris", "nobody"]) {
      const { reply, text } = await describeModel(model);
      expect([reply.status, JSON.parse(text)]).toMatchObject([404, { error: { param: "model", code: "model_not_found" } }]);
    }
  });
});
