import { ServeError } from "../../core/errors.ts";
import type { HttpReply, HttpRequest } from "../../core/http.ts";
import type { ControlPlane } from "../../core/planes.ts";
import { jsonReply, openAiModel, openAiModels, speaksOpenAi } from "../shared/index.ts";
import { unknownModel } from "./errors.ts";
import { targetNamed } from "./target.ts";

export type ModelsPlane = Pick<ControlPlane, "names" | "list" | "get" | "resources">;

/** `{"object":"list","data":[...]}`: the models of the namespace whose own servers speak OpenAI's protocol. */
export function listModels(controlPlane: ModelsPlane, request: HttpRequest): HttpReply {
  return jsonReply(JSON.stringify({ object: "list", data: openAiModels(controlPlane, request) }));
}

/** @throws ServeError NOT_FOUND, also for a model that speaks other protocols only */
export function describeModel(controlPlane: ModelsPlane, request: HttpRequest): HttpReply {
  const status = unknownModel(() => controlPlane.get(targetNamed(request.params.model ?? "", controlPlane, request)));
  return unknownModel(() => {
    if (!speaksOpenAi(status)) throw new ServeError("NOT_FOUND", `the model ${status.name} does not speak OpenAI's protocol`);
    return jsonReply(JSON.stringify(openAiModel(controlPlane, status)));
  });
}
