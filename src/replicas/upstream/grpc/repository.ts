import { ServeError } from "../../../core/errors.ts";
import {
  RepositoryIndexRequestSchema,
  RepositoryIndexResponseSchema,
  RepositoryModelLoadRequestSchema,
  RepositoryModelLoadResponseSchema,
  RepositoryModelUnloadRequestSchema,
  RepositoryModelUnloadResponseSchema,
} from "../../../grpc-messages/index.ts";
import type { UpstreamRepository } from "../client.ts";
import type { Ask } from "./ask.ts";

const LOAD = { request: RepositoryModelLoadRequestSchema, response: RepositoryModelLoadResponseSchema };
const UNLOAD = { request: RepositoryModelUnloadRequestSchema, response: RepositoryModelUnloadResponseSchema };
const INDEX = { request: RepositoryIndexRequestSchema, response: RepositoryIndexResponseSchema };

/** Triton's repository extension, and KServe's calls of the same names. */
export function createRepositoryClient(ask: Ask): UpstreamRepository {
  return {
    async load(model, signal) {
      const { modelName, isLoaded } = await inEitherForm(model, (request) => ask("RepositoryModelLoad", LOAD, request, signal));
      // Triton's answer is empty.
      if (modelName !== "" && !isLoaded) throw new ServeError("FAILED_PRECONDITION", `the server answered that '${model}' is not loaded`);
    },
    async unload(model, signal) {
      await inEitherForm(model, (request) => ask("RepositoryModelUnload", UNLOAD, request, signal));
    },
    async list(signal) {
      const { models } = await ask("RepositoryIndex", INDEX, { ready: true }, signal);
      return [...new Set(models.filter(({ state }) => state === "" || state === "READY").map(({ name }) => name))];
    },
  };
}

const LOST = ["CANCELLED", "DEADLINE_EXCEEDED", "UNAVAILABLE", "UNIMPLEMENTED"];

/**
 * Triton's requests have the model's name in their second field. KServe's server looks into the first and finds no such model then, and
 * Triton refuses whatever has something there.
 */
async function inEitherForm<Answer>(
  model: string,
  ask: (request: { readonly modelName: string } | { readonly repositoryName: string }) => Promise<Answer>,
): Promise<Answer> {
  try {
    return await ask({ modelName: model });
  } catch (first) {
    if (!(first instanceof ServeError) || LOST.includes(first.code)) throw first;
    try {
      return await ask({ repositoryName: model });
    } catch (second) {
      throw second instanceof ServeError && second.code === "UNIMPLEMENTED" ? first : second;
    }
  }
}
