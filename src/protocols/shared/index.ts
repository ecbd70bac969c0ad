export {
  describe,
  type ElementRules,
  elementWriter,
  isObject,
  type JsonObject,
  parseJson,
  writeJson,
  writeNested,
} from "../../encodings/index.ts";
export { codedBody, errorBody, failCoded, failJson, refusedRequest, unknownPath } from "./errors.ts";
export { parametersOf, unexpected } from "./fields.ts";
export { hasMoreElements, type LargeLimits } from "./large.ts";
export { openAiModel, openAiModels, speaksOpenAi } from "./openai-models.ts";
export { encodeOutputs, encodePredictions } from "./predictions.ts";
export { rawReply, rawStreamReply } from "./raw.ts";
export { modelsReply, readinessReply } from "./readiness.ts";
export { jsonReply } from "./reply.ts";
export { streamReply, wantsEvents } from "./stream.ts";
export { namespaceOf, targetOf, withMethod } from "./target.ts";
