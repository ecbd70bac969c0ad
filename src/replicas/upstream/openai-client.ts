import { ServeError } from "../../core/errors.ts";
import type { RawPayload } from "../../core/inference.ts";
import type { ReplicaCall } from "../../core/replica.ts";
import type { UpstreamClient, UpstreamClientOptions } from "./client.ts";
import { HttpConnections } from "./http-connections.ts";
import { RawCalls } from "./raw-calls.ts";

/** OpenAI's routes: bodies pass as they are, with the model's name as its server knows it. */
export function createOpenAiClient(options: UpstreamClientOptions): UpstreamClient {
  const connections = new HttpConnections(options);
  const calls = new RawCalls(connections, options.model);
  return {
    describe: () => Promise.resolve(undefined),
    async infer({ payload, origin }, signal) {
      const raw = rawOf(payload);
      return await calls.infer(pathOf(raw), raw, origin, signal);
    },
    stream({ payload, origin }, signal) {
      const raw = rawOf(payload);
      return calls.stream(pathOf(raw), raw, origin, signal);
    },
    close: () => connections.close(),
  };
}

function pathOf({ call }: RawPayload): string {
  return call?.path ?? "";
}

/** @throws ServeError UNIMPLEMENTED for what did not come on one of OpenAI's routes */
function rawOf(payload: ReplicaCall["payload"]): RawPayload {
  if (payload.kind === "raw" && payload.call?.protocol === "openai") return payload;
  throw new ServeError(
    "UNIMPLEMENTED",
    "the model's server speaks OpenAI's protocol only: ask POST /openai/v1/chat/completions, /openai/v1/completions or /openai/v1/embeddings, with the model's name in the body",
  );
}
