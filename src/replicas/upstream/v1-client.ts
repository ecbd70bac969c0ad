import { ServeError } from "../../core/errors.ts";
import type { Payload } from "../../core/inference.ts";
import type { ReplicaCall } from "../../core/replica.ts";
import type { UpstreamClient, UpstreamClientOptions } from "./client.ts";
import { forwardedHeaders } from "./forwarded-headers.ts";
import { answerTo } from "./http-answers.ts";
import { HttpConnections } from "./http-connections.ts";
import { RawCalls } from "./raw-calls.ts";
import { readJson } from "./read-json.ts";
import { decodeV1 } from "./v1-answer.ts";
import { encodeV1 } from "./v1-request.ts";

const encoder = new TextEncoder();

/** KServe's V1 protocol, which has no way to tell what a model takes. Bodies of V1 pass as they are; others are converted. */
export function createV1Client(options: UpstreamClientOptions): UpstreamClient {
  const connections = new HttpConnections(options);
  const calls = new RawCalls(connections, options.model);
  const path = `/v1/models/${encodeURIComponent(options.model)}`;

  async function infer(call: ReplicaCall, signal: AbortSignal): Promise<Payload> {
    const { payload, method, origin } = call;
    if (payload.kind === "raw") return await calls.infer(`${path}${payload.call?.path ?? ":predict"}`, payload, origin, signal);
    const question = {
      method: "POST",
      path: `${path}:${method}`,
      headers: { "Content-Type": "application/json", ...forwardedHeaders(origin) },
      body: [encoder.encode(encodeV1(call))],
    } as const;
    const { body } = await answerTo(connections, question, signal);
    // Who asked in V1's form has an answer in V1's form.
    return payload.kind === "tensors" ? decodeV1(body) : { kind: "json", value: readJson(body) };
  }

  return {
    describe: () => Promise.resolve(undefined),
    infer,
    async *stream(call, signal) {
      const { payload, origin } = call;
      if (payload.kind !== "raw")
        throw new ServeError("UNIMPLEMENTED", "the model's server answers with streams in V1 and OpenAI's protocol only");
      yield* calls.stream(`${path}${payload.call?.path ?? ":predict"}`, payload, origin, signal);
    },
    close: () => connections.close(),
  };
}
