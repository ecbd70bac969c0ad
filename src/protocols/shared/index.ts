export { failJson, refusedRequest, unknownPath } from "./errors.ts";
export { describe, isObject, type JsonObject, parametersOf, unexpected } from "./fields.ts";
export { parseJson } from "./parse-json.ts";
export { modelsReply, readinessReply } from "./readiness.ts";
export { jsonReply } from "./reply.ts";
export { streamReply, wantsEvents } from "./stream.ts";
export { targetOf } from "./target.ts";
export { type ElementRules, elementWriter, writeNested } from "./write-elements.ts";
export { writeJson } from "./write-json.ts";
