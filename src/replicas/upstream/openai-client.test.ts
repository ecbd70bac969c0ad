import { afterEach, describe, expect, it } from "vitest";
import { LoopbackServer } from "../../../test/loopback-server.ts";
import { floats, reaching } from "../../../test/upstream-servers.ts";
import type { RawPayload } from "../../core/inference.ts";
import { createOpenAiClient } from "./openai-client.ts";

let server: LoopbackServer;

afterEach(() => server?.stop());

const BODY = '{"model":"mine","stream":true}';
const chat = (more: Partial<RawPayload> = {}): RawPayload => ({
  kind: "raw",
  contentType: "application/json",
  body: Buffer.from(BODY),
  call: { protocol: "openai", path: "/chat/completions", stream: true, modelName: { from: 10, to: 14 } },
  ...more,
});

describe("a server of OpenAI's routes", () => {
  it("gets the body with the name that it knows, and its events are passed on one by one", async () => {
    const bodies: string[] = [];
    let next = (): void => undefined;
    server = await LoopbackServer.start((request, response) => {
      request.on("data", (piece: Buffer) => bodies.push(piece.toString()));
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      const events = ["data: 1\n\n", "data: 2\n\n", "data: [DONE]\n\n"];
      next = () => {
        const event = events.shift();
        if (event === undefined) response.end();
        else response.write(event);
      };
      next();
    });
    const client = createOpenAiClient(reaching(server, { model: "llama-3", prefix: "/v1" }));
    const seen: string[] = [];
    for await (const piece of client.stream({ method: "predict", payload: chat() }, new AbortController().signal)) {
      if (piece.kind === "raw") seen.push(`${piece.contentType} ${Buffer.from(piece.body).toString()}`);
      // The next one is not written before this one has been read.
      next();
    }
    expect(seen).toEqual(["data: 1", "data: 2", "data: [DONE]"].map((event) => `text/event-stream ${event}\n\n`));
    expect(bodies.join("")).toBe('{"model":"llama-3","stream":true}');
    expect(server.requests[0]?.url).toBe("/v1/chat/completions");
    client.close();
  });

  it("is told when nobody reads any more", async () => {
    let onClosed = (): void => undefined;
    const closed = new Promise<void>((resolve) => {
      onClosed = resolve;
    });
    server = await LoopbackServer.start((_, response) => {
      response.write("data: 1\n\n");
      response.once("close", onClosed);
    });
    const controller = new AbortController();
    const stream = createOpenAiClient(reaching(server)).stream({ method: "predict", payload: chat() }, controller.signal);
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    controller.abort(new Error("the client has gone"));
    await expect(iterator.next()).rejects.toThrow("the client has gone");
    await closed;
  });

  it("refuses with the words of the server", async () => {
    server = await LoopbackServer.start((_, response) => response.writeHead(400).end('{"error":{"message":"too long","code":400}}'));
    const client = createOpenAiClient(reaching(server));
    const signal = new AbortController().signal;
    const pieces = client.stream({ method: "predict", payload: chat() }, signal)[Symbol.asyncIterator]();
    await expect(pieces.next()).rejects.toMatchObject({ code: "INVALID_ARGUMENT", message: "too long" });
    await expect(client.infer({ method: "predict", payload: chat() }, signal)).rejects.toThrow("too long");
  });

  it("names its routes to who asks in another form", async () => {
    const client = createOpenAiClient(reaching({ port: 1 } as LoopbackServer));
    const call = { method: "predict", payload: { kind: "tensors" as const, tensors: [floats("x", [1], [1])] } };
    await expect(client.infer(call, new AbortController().signal)).rejects.toMatchObject({
      code: "UNIMPLEMENTED",
      message: expect.stringContaining("POST /openai/v1/chat/completions"),
    });
  });
});
