import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI, {
  APIError,
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  NotFoundError,
  PermissionDeniedError,
  toFile,
} from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OpenApiDocument } from "../src/openapi/index.ts";
import { type OpenAiStandIn, STAND_IN_MODEL, startOpenAiStandIn } from "../test/openai-stand-in.ts";
import { answerChecker } from "../test/openapi-answers.ts";
import { EXAMPLES, type ServerProcess, startServer, untilLoaded } from "../test/server-process.ts";

let standIn: OpenAiStandIn;
let server: ServerProcess;
let folder: string;

const service = (url: string): string => `
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: llm
  annotations:
    nitrous/url: ${url}
    nitrous/protocols: openai
    nitrous/model-name: ${STAND_IN_MODEL}
spec:
  predictor:
    containers:
      - name: kserve-container
        image: stand-in
`;

beforeAll(async () => {
  standIn = await startOpenAiStandIn();
  folder = await mkdtemp(join(tmpdir(), "nitrous-openai-"));
  await writeFile(join(folder, "llm.yaml"), service(standIn.url));
  server = await startServer([join(folder, "llm.yaml"), `${EXAMPLES}/iris-onnx`]);
  await untilLoaded(server);
});
afterAll(async () => {
  await server?.stop();
  await standIn?.close();
  if (folder !== undefined) await rm(folder, { recursive: true });
});

const clientOf = (base: string, apiKey = "none"): OpenAI => new OpenAI({ baseURL: `${server.url}${base}`, apiKey, maxRetries: 0 });
const asking = (content: string) => ({ model: "llm", messages: [{ role: "user" as const, content }] });

describe.each(["/openai/v1", "/v1", "/serving/default/llm/openai/v1"])("the openai package at %s", (base) => {
  it("chats", async () => {
    const { choices, system_fingerprint } = await clientOf(base).chat.completions.create(asking("Hello."));
    expect([choices[0]?.message.content, system_fingerprint]).toEqual(["stand-in: Hello.", "stand-in"]);
    expect(JSON.parse(standIn.asked.at(-1)?.text ?? "")).toEqual({ ...asking("Hello."), model: STAND_IN_MODEL });
    expect(standIn.asked.at(-1)?.authorization).toBeUndefined();
  });

  it("reads a stream", async () => {
    const stream = await clientOf(base).chat.completions.create({ ...asking("a b c"), stream: true });
    const words: unknown[] = [];
    for await (const { choices } of stream) words.push(choices[0]?.delta.content);
    expect(words).toEqual(["a", "b", "c"]);
  });

  it("completes, embeds and transcribes", async () => {
    const client = clientOf(base);
    const { choices } = await client.completions.create({ model: "llm", prompt: "Once" });
    expect(choices[0]?.text).toBe("stand-in: Once");
    const { data } = await client.embeddings.create({ model: "llm", input: ["four", "seventh"] });
    expect(data.map(({ embedding }) => embedding)).toEqual([
      [4, 0.5],
      [7, 0.5],
    ]);
    const file = await toFile(Buffer.from("RIFF"), "speech.wav");
    expect((await client.audio.transcriptions.create({ model: "llm", file })).text).toBe(`stand-in heard ${STAND_IN_MODEL}`);
  });

  it("gets errors of its own classes", async () => {
    const client = clientOf(base);
    await expect(client.chat.completions.create(asking("fail"))).rejects.toSatisfy(
      (error) => error instanceof BadRequestError && error.message.includes("told to fail"),
    );
    await expect(client.chat.completions.create({ ...asking(""), model: "nobody" })).rejects.toSatisfy(
      (error) => error instanceof NotFoundError && error.code === "model_not_found" && error.param === "model",
    );
    await expect(client.responses.create({ model: "llm", input: "x" })).rejects.toBeInstanceOf(NotFoundError);
  });
});

describe("the openai package", () => {
  it("gets each piece of a stream when it is made", async () => {
    const stream = await clientOf("/v1").chat.completions.create({ ...asking("wait for it"), stream: true });
    const pieces = stream[Symbol.asyncIterator]();
    // The stand-in makes no second one before this one has come.
    expect((await pieces.next()).value?.choices[0]?.delta.content).toBe("wait");
    standIn.goOn();
    expect((await pieces.next()).value?.choices[0]?.delta.content).toBe("for");
    expect((await pieces.next()).value?.choices[0]?.delta.content).toBe("it");
    expect((await pieces.next()).done).toBe(true);
  });

  it("gives a stream up, and the model's server hears of it", async () => {
    const stream = await clientOf("/v1").chat.completions.create({ ...asking("wait for ever"), stream: true });
    const read = async (): Promise<void> => {
      for await (const _ of stream) stream.controller.abort();
    };
    await read().catch((error: unknown) => expect(error).toBeInstanceOf(APIUserAbortError));
    await standIn.left;
  });

  it("is told within a stream that its time is over", async () => {
    const body = { ...asking("wait for ever"), stream: true } as const;
    const stream = await clientOf("/v1").chat.completions.create(body, { headers: { "nitrous-timeout": "500" } });
    const read = async (): Promise<void> => {
      for await (const { choices } of stream) expect(choices[0]?.delta.content).toBe("wait");
    };
    await expect(read()).rejects.toSatisfy((error) => error instanceof APIError && error.code === "deadline_exceeded");
  });

  it("is told which routes another model has", async () => {
    await expect(clientOf("/v1").chat.completions.create({ ...asking(""), model: "iris-onnx" })).rejects.toSatisfy(
      (error) =>
        error instanceof BadRequestError && error.code === "model_not_supported" && error.message.includes("/v2/models/iris-onnx/infer"),
    );
  });

  it.each(["/openai/v1", "/v1"])("lists models at %s", async (base) => {
    const client = clientOf(base);
    const models = [];
    for await (const model of client.models.list()) models.push(model);
    expect(models).toEqual([{ id: "llm", object: "model", created: expect.any(Number), owned_by: "nitrous" }]);
    expect(await client.models.retrieve("llm")).toMatchObject({ id: "llm", object: "model" });
    await expect(client.models.retrieve("nobody")).rejects.toBeInstanceOf(NotFoundError);
  });

  it("and everybody else get what the OpenAPI document says, and are counted", async () => {
    const document = (await (await fetch(`${server.url}/openapi.json`)).json()) as OpenApiDocument;
    const problemOf = answerChecker(document);
    const paths = ["/v1/models", "/v1/models/{model}", "/openai/v1/models", "/openai/v1/models/{model}"];
    const chats = [asking("Hello."), asking("fail"), { ...asking("Hello."), stream: true }, { ...asking(""), model: "nobody" }];
    const asked = [
      ...paths.map((path) => ({ method: "GET", path, body: null })),
      ...chats.map((chat) => ({ method: "POST", path: "/v1/chat/completions", body: JSON.stringify(chat) })),
    ];
    for (const { method, path, body } of asked) {
      const response = await fetch(server.url + path.replace("{model}", "llm"), { method, body });
      const [type = ""] = (response.headers.get("content-type") ?? "").split(";", 1);
      const text = await response.text();
      expect([path, text, problemOf({ path, method, status: response.status, type, body: text })]).toEqual([path, text, ""]);
    }
    expect(await (await fetch(`${server.url}/metrics`)).text()).toMatch(/^nitrous_\w+\{.*model="llm".*protocol="openai".*\} [1-9]/m);
  });

  // Last: from the first key on, one is needed.
  it("sends the key that opens the model, and no other", async () => {
    const body = JSON.stringify({ name: "web", scopes: ["infer", "read"], models: ["llm"] });
    const created = await fetch(`${server.url}/nitrous/keys`, { method: "POST", headers: { "Content-Type": "application/json" }, body });
    const { token } = (await created.json()) as { token: string };
    await expect(clientOf("/v1", "wrong").chat.completions.create(asking("Hello."))).rejects.toBeInstanceOf(AuthenticationError);
    const client = clientOf("/v1", token);
    expect((await client.chat.completions.create(asking("Hello."))).choices).toHaveLength(1);
    await expect(client.chat.completions.create({ ...asking(""), model: "iris-onnx" })).rejects.toBeInstanceOf(PermissionDeniedError);
    await expect(client.models.list()).rejects.toBeInstanceOf(PermissionDeniedError);
    expect(standIn.asked.at(-1)?.authorization).toBeUndefined();
  });
});
