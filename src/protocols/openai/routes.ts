import type { RequestContext } from "../../core/context.ts";
import { ServeError } from "../../core/errors.ts";
import type { HttpReply, HttpRequest, Route } from "../../core/http.ts";
import { isStream, type Target } from "../../core/inference.ts";
import type { DataPlane } from "../../core/planes.ts";
import { rawReply, rawStreamReply } from "../shared/index.ts";
import { failOpenAi, OpenAiError, openAiErrorBody, unknownModel } from "./errors.ts";
import { describeModel, listModels, type ModelsPlane } from "./models.ts";
import { type ReadRequest, readRequest } from "./read-request.ts";
import { targetNamed } from "./target.ts";

export interface OpenAiOptions {
  readonly dataPlane: DataPlane;
  readonly controlPlane: ModelsPlane;
}

/** Where all of OpenAI's paths are; below the second one there are KServe's V1 too. */
const BASES = ["/openai/v1", "/v1"];

/** Everything of OpenAI's API (platform.openai.com/docs/api-reference) that names a model in its body, and what vLLM has besides. */
const PATHS = [
  "/chat/completions",
  "/completions",
  "/responses",
  "/embeddings",
  "/moderations",
  "/rerank",
  "/score",
  "/audio/speech",
  "/audio/transcriptions",
  "/audio/translations",
  "/images/generations",
  "/images/edits",
];

/** OpenAI's API, for models whose own servers speak it: bodies and answers pass unparsed. `GET /v1/models` is KServe's, which has OpenAI's keys too. */
export function createOpenAiRoutes({ dataPlane, controlPlane }: OpenAiOptions): Route[] {
  return [
    { method: "GET", path: "/openai/v1/models", access: "read", handle: (request) => listModels(controlPlane, request), fail: failOpenAi },
    {
      method: "GET",
      path: "/openai/v1/models/{model}",
      access: "read",
      target: (head) => unknownModel(() => targetNamed(head.params.model ?? "", controlPlane, head)),
      handle: (request) => describeModel(controlPlane, request),
      fail: failOpenAi,
    },
    ...BASES.flatMap((base) => PATHS.map((path) => passing(dataPlane, controlPlane, base, path))),
  ];
}

function passing(dataPlane: DataPlane, controlPlane: ModelsPlane, base: string, path: string): Route {
  /** A body is looked at once: for the key's sake, and then for the answer. */
  const reads = new WeakMap<RequestContext, Promise<ReadRequest>>();
  const read = (request: HttpRequest): Promise<ReadRequest> => {
    const begun = reads.get(request.context) ?? readRequest(controlPlane, path, request);
    reads.set(request.context, begun);
    return begun;
  };
  return {
    method: "POST",
    path: `${base}${path}`,
    access: "infer",
    protocol: "openai",
    targetInBody: async (request) => (await read(request)).target,
    handle: async (request) => answer(dataPlane, await read(request), request.context),
    fail: failOpenAi,
  };
}

async function answer(dataPlane: DataPlane, { target, payload }: ReadRequest, context: RequestContext): Promise<HttpReply> {
  const { name } = target;
  context.record.model = name;
  if (!unknownModel(() => dataPlane.passes(target, "openai", context))) throw speaksOthers(target);
  dataPlane.admit(target, payload.body.byteLength, context);
  const { output } = await dataPlane.infer({ target, payload, context });
  context.record.method = payload.call?.path.slice(1) ?? "";
  return isStream(output) ? rawStreamReply({ context, payloads: output, errorBody: openAiErrorBody }) : rawReply(output);
}

function speaksOthers({ name }: Target): ServeError {
  const message =
    `the model ${name} does not speak OpenAI's protocol: ask it with POST /v1/models/${name}:predict or POST /v2/models/${name}/infer; ` +
    "models that do are listed by GET /openai/v1/models";
  return new OpenAiError(new ServeError("INVALID_ARGUMENT", message), { param: "model", reason: "model_not_supported" });
}
