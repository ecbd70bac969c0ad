import { ServeError } from "../../core/errors.ts";
import type { JsonValue } from "../../core/inference.ts";
import { isObject } from "../../encodings/index.ts";
import type { UpstreamRepository } from "./client.ts";
import { answerTo } from "./http-answers.ts";
import type { HttpConnections } from "./http-connections.ts";
import { readJson } from "./read-json.ts";

const EMPTY_OBJECT = [new TextEncoder().encode("{}")];

/** The model repository extension of Open Inference Protocol; where KServe's page lists with GET, so does this when POST is not answered. */
export function createV2Repository(connections: HttpConnections): UpstreamRepository {
  async function ask(method: "GET" | "POST", path: string, signal: AbortSignal): Promise<Uint8Array> {
    const body = method === "POST" ? { headers: { "Content-Type": "application/json" }, body: EMPTY_OBJECT } : {};
    return (await answerTo(connections, { method, path, ...body }, signal)).body;
  }
  return {
    async load(model, signal) {
      await ask("POST", `/v2/repository/models/${encodeURIComponent(model)}/load`, signal);
    },
    async unload(model, signal) {
      await ask("POST", `/v2/repository/models/${encodeURIComponent(model)}/unload`, signal);
    },
    async list(signal) {
      const index = ask("POST", "/v2/repository/index", signal).catch((error: unknown) => {
        if (!(error instanceof ServeError) || !["NOT_FOUND", "UNIMPLEMENTED"].includes(error.code)) throw error;
        return ask("GET", "/v2/repository/models", signal);
      });
      return namesIn(readJson(await index));
    },
  };
}

/** `[{name, state}]`, or a list of names, alone or under `models`; those that are loaded. */
function namesIn(index: JsonValue): string[] {
  const models = isObject(index) ? index.models : index;
  if (!Array.isArray(models)) throw new ServeError("INTERNAL", "the model's server answered a repository index that is no list");
  return models.flatMap((model) => {
    if (typeof model === "string") return [model];
    if (!isObject(model) || typeof model.name !== "string") return [];
    return model.state === undefined || model.state === "READY" ? [model.name] : [];
  });
}
