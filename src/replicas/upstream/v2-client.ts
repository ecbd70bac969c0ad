import { ServeError } from "../../core/errors.ts";
import type { JsonValue, Payload } from "../../core/inference.ts";
import type { ReplicaCall } from "../../core/replica.ts";
import { isObject } from "../../encodings/index.ts";
import type { UpstreamClient, UpstreamClientOptions } from "./client.ts";
import { forwardedHeaders } from "./forwarded-headers.ts";
import { answerTo } from "./http-answers.ts";
import { HttpConnections } from "./http-connections.ts";
import { readJson } from "./read-json.ts";
import { decodeV2 } from "./v2-answer.ts";
import { modelFacts, type ServerFacts, serverFacts, UNKNOWN_SERVER } from "./v2-metadata.ts";
import { createV2Repository } from "./v2-repository.ts";
import { encodeV2 } from "./v2-request.ts";

/** Open Inference Protocol over HTTP; tensors are binary where the server's metadata lists the extension, from its first `describe` on. */
export function createV2Client(options: UpstreamClientOptions): UpstreamClient {
  const connections = new HttpConnections(options);
  const path = `/v2/models/${encodeURIComponent(options.model)}`;
  let server: ServerFacts = UNKNOWN_SERVER;

  async function get(from: string, signal: AbortSignal): Promise<JsonValue> {
    const { body } = await answerTo(connections, { method: "GET", path: from }, signal);
    return readJson(body);
  }

  return {
    async describe(signal) {
      // Not every server tells of itself.
      server = await get("/v2", signal).then(serverFacts, () => UNKNOWN_SERVER);
      const facts = modelFacts(await get(path, signal), server);
      const configuration = server.configures ? await get(`${path}/config`, signal).catch(() => undefined) : undefined;
      return isObject(configuration) ? { ...facts, configuration } : facts;
    },
    async infer(call: ReplicaCall, signal: AbortSignal): Promise<Payload> {
      const encoded = encodeV2(call, server.binary);
      const headers = { ...encoded.headers, ...forwardedHeaders(call.origin) };
      const answer = await answerTo(connections, { method: "POST", path: `${path}/infer`, headers, body: encoded.body }, signal);
      const jsonLength = answer.headers["inference-header-content-length"];
      return decodeV2(answer.body, typeof jsonLength === "string" ? jsonLength : undefined);
    },
    stream() {
      throw new ServeError("UNIMPLEMENTED", "the model's server answers with streams over gRPC, V1 and OpenAI's protocol only");
    },
    repository: createV2Repository(connections),
    close: () => connections.close(),
  };
}
