import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What the stand-in calls its model. */
export const STAND_IN_MODEL = "stand-in/no-model";

export interface OpenAiStandIn {
  readonly url: string;
  /** The path and body of each request, in their order. */
  readonly asked: ReadonlyArray<{ readonly path: string; readonly authorization: string | undefined; readonly text: string }>;
  /** Lets the stream that waits after its first piece go on. */
  goOn(): void;
  /** Settles when a client has left a stream. */
  readonly left: Promise<void>;
  close(): Promise<void>;
}

interface Body {
  readonly model?: string;
  readonly stream?: boolean;
  readonly messages?: ReadonlyArray<{ readonly content: string }>;
  readonly prompt?: string;
  readonly input?: readonly string[];
}

/** A server that stands in for one of language models: it speaks OpenAI's protocol, repeats what it is told, and says that it is no model. */
export async function startOpenAiStandIn(): Promise<OpenAiStandIn> {
  const asked: Array<{ path: string; authorization: string | undefined; text: string }> = [];
  let goOn = (): void => undefined;
  let leave = (): void => undefined;
  const left = new Promise<void>((resolve) => {
    leave = resolve;
  });
  const server = createServer(async (request, response) => {
    const text = await textOf(request);
    if (request.method === "POST") asked.push({ path: request.url ?? "", authorization: request.headers.authorization, text });
    if (request.url === "/health") return send(response, 200, { status: "a stand-in is up" });
    if (request.url === "/v1/models") return send(response, 200, { object: "list", data: [{ id: STAND_IN_MODEL, object: "model" }] });
    if (request.url === "/v1/audio/transcriptions") return send(response, 200, { text: `stand-in heard ${fieldOf(text, "model")}` });
    const body = JSON.parse(text) as Body;
    if (body.model !== STAND_IN_MODEL) return fail(response, 404, `The model \`${body.model}\` does not exist.`);
    switch (request.url) {
      case "/v1/chat/completions":
        return await chat(body, response, (go) => {
          goOn = go;
        }).catch(leave);
      case "/v1/completions":
        return send(response, 200, completion(`stand-in: ${body.prompt}`, "text_completion"));
      case "/v1/embeddings":
        return send(response, 200, { object: "list", model: STAND_IN_MODEL, data: (body.input ?? []).map(embedding), usage: USAGE });
      default:
        return fail(response, 404, "Not Found");
    }
  });
  await listening(server);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    goOn: () => goOn(),
    left,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

const USAGE = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };

/** @throws when the client leaves a stream */
async function chat({ stream, messages = [] }: Body, response: ServerResponse, onWait: (go: () => void) => void): Promise<void> {
  const content = messages.at(-1)?.content ?? "";
  if (content === "fail") return fail(response, 400, "This stand-in was told to fail.");
  if (stream !== true) return send(response, 200, completion(`stand-in: ${content}`, "chat.completion"));
  response.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8" });
  const words = content.split(" ");
  for (const [index, word] of words.entries()) {
    response.write(`data: ${JSON.stringify(chunk(word))}\n\n`);
    if (index > 0 || words[0] !== "wait") continue;
    const gone = once(response, "close").then(() => {
      if (!response.writableFinished) throw new Error("the client left");
    });
    gone.catch(() => undefined);
    await Promise.race([new Promise<void>(onWait), gone]);
  }
  response.end("data: [DONE]\n\n");
}

const head = (object: string): object => ({
  id: "stand-in-1",
  object,
  created: 1,
  model: STAND_IN_MODEL,
  system_fingerprint: "stand-in",
});

function completion(text: string, object: "chat.completion" | "text_completion"): object {
  const said = object === "text_completion" ? { text } : { message: { role: "assistant", content: text } };
  return { ...head(object), choices: [{ index: 0, finish_reason: "stop", ...said }], usage: USAGE };
}

function chunk(content: string): object {
  return { ...head("chat.completion.chunk"), choices: [{ index: 0, delta: { content }, finish_reason: null }] };
}

/** In base64, which OpenAI's client asks for unless told otherwise. */
function embedding(text: string, index: number): object {
  return { object: "embedding", index, embedding: Buffer.from(Float32Array.of(text.length, 0.5).buffer).toString("base64") };
}

function fieldOf(form: string, name: string): string {
  return new RegExp(`name="${name}"\r\n\r\n([^\r]*)`).exec(form)?.[1] ?? "";
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(body));
}

function fail(response: ServerResponse, status: number, message: string): void {
  send(response, status, { error: { message, type: "BadRequestError", param: null, code: status } });
}

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

async function listening(server: Server): Promise<void> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
}
