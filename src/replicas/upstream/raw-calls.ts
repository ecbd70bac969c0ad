import type { Payload, RawPayload } from "../../core/inference.ts";
import { bodyNaming } from "../../core/raw-body.ts";
import type { CallOrigin } from "../../core/replica.ts";
import { forwardedHeaders } from "./forwarded-headers.ts";
import { answerTo, assertAnswered, readPieces } from "./http-answers.ts";
import type { HttpConnections, HttpQuestion } from "./http-connections.ts";

/** A body that goes to the model's server as it came, and what comes back. */
export class RawCalls {
  readonly #connections: HttpConnections;
  readonly #model: string;

  /** @param model what the server calls it */
  constructor(connections: HttpConnections, model: string) {
    this.#connections = connections;
    this.#model = model;
  }

  /** @throws ServeError as the server answered */
  async infer(path: string, payload: RawPayload, origin: CallOrigin | undefined, signal: AbortSignal): Promise<Payload> {
    const { headers, body } = await answerTo(this.#connections, this.#question(path, payload, origin), signal);
    return { kind: "raw", contentType: headers["content-type"] ?? "application/json", body };
  }

  /** Server-sent events, or whatever else the server sends piece by piece. @throws ServeError as the server answered */
  async *stream(
    path: string,
    payload: RawPayload,
    origin: CallOrigin | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<Payload, void, undefined> {
    const answer = await this.#connections.ask(this.#question(path, payload, origin), signal);
    await assertAnswered(answer, signal);
    const contentType = answer.headers["content-type"] ?? "text/event-stream";
    for await (const body of readPieces(answer, signal)) yield { kind: "raw", contentType, body };
  }

  #question(path: string, payload: RawPayload, origin: CallOrigin | undefined): HttpQuestion {
    return {
      method: "POST",
      path,
      headers: { "Content-Type": payload.contentType, ...acceptOf(origin), ...forwardedHeaders(origin) },
      body: bodyNaming(payload, this.#model),
    };
  }
}

/** Some servers send events only to who asks for them. */
function acceptOf(origin: CallOrigin | undefined): { Accept?: string } {
  const accept = origin?.headers?.accept;
  return typeof accept === "string" ? { Accept: accept } : {};
}
