import type { Access } from "../../core/access.ts";
import type { HttpHead, HttpReply, HttpRequest, Route } from "../../core/http.ts";
import { type InferRequest, isStream, type RawCall, type Target } from "../../core/inference.ts";
import type { ControlPlane, DataPlane } from "../../core/planes.ts";
import {
  encodeOutputs,
  encodePredictions,
  errorBody,
  failJson,
  hasMoreElements,
  jsonReply,
  modelsReply,
  openAiModel,
  openAiModels,
  rawReply,
  rawStreamReply,
  readinessReply,
  speaksOpenAi,
  streamReply,
  targetOf,
  wantsEvents,
  withMethod,
} from "../shared/index.ts";
import {
  type Attributes,
  attributesInHeaders,
  type EventMode,
  type EventSettings,
  eventReply,
  isStructured,
  notAnEvent,
} from "./cloud-events.ts";
import { type DecodedPredict, decodePredict, decodeRaw, isRaw } from "./decode.ts";
import type { LargePredict } from "./large.ts";
import { isTensorFlow, signatureDefinitions, versionStatus } from "./tensorflow-serving.ts";

export interface V1Options {
  readonly dataPlane: DataPlane;
  readonly controlPlane: Pick<ControlPlane, "get" | "readiness" | "list" | "names" | "versions" | "describe" | "variable" | "resources">;
  /** Without it everything is read and written in the event loop. */
  readonly large?: LargePredict | undefined;
}

/** KServe's V1 protocol, with TensorFlow Serving's paths for versions. */
export function createV1Routes({ dataPlane, controlPlane, large }: V1Options): Route[] {
  const question = (path: string, access: Access, handle: Route["handle"]): Route => ({
    method: "GET",
    path,
    access,
    handle,
    fail: failJson,
  });
  const prediction = (path: string): Route => ({
    method: "POST",
    path,
    access: "infer",
    target: targetOf,
    protocol: "v1",
    gate: (head: HttpHead) => dataPlane.admit(targetOf(head), head.declaredBytes, head.context),
    handle: (request) => predict(dataPlane, controlPlane, large, request),
    fail: failJson,
  });
  return [
    question("/", "public", () => jsonReply('{"status":"alive"}')),
    question("/v1/models", "read", (request) => list(controlPlane, request)),
    { ...question("/v1/models/{model}", "read", (request) => readiness(controlPlane, targetOf(request))), target: targetOf },
    {
      ...question("/v1/models/{model}/versions/{version}", "read", (request) => readiness(controlPlane, targetOf(request))),
      target: targetOf,
    },
    ...["/v1/models/{model}", "/v1/models/{model}/versions/{version}"].flatMap((path) => [
      prediction(`${path}:predict`),
      prediction(`${path}:{method}`),
      { ...question(`${path}/metadata`, "read", (request) => metadata(controlPlane, request)), target: targetOf },
    ]),
  ];
}

async function predict(
  dataPlane: DataPlane,
  controlPlane: V1Options["controlPlane"],
  large: LargePredict | undefined,
  request: HttpRequest,
): Promise<HttpReply> {
  const target = targetOf(request);
  const { context } = request;
  context.record.model = target.name;
  const inHeaders = attributesInHeaders(request.headers);
  const isEvent = inHeaders !== undefined || isStructured(request.headers);
  if (!isEvent && dataPlane.passes(target, "v1", context)) return pass(dataPlane, target, request);
  let decoded: DecodedPredict & Pick<InferRequest, "boundTo">;
  try {
    const reading = decode(dataPlane, large, target, request);
    decoded = reading instanceof Promise ? await reading : reading;
  } catch (error) {
    throw inHeaders === undefined ? error : notAnEvent(error);
  }
  const { method, form, event: enveloped, ...asked } = decoded;
  const { output } = await dataPlane.infer({ target: withMethod(target, method), ...asked, context });
  const event = eventMode(request.headers, inHeaders, enveloped);
  if (!isStream(output)) {
    if (event === undefined && form === "inputs" && output.kind === "tensors" && isTensorFlow(controlPlane.get(target)))
      return jsonReply(encodeOutputs(output.tensors));
    const isLarge = large !== undefined && hasMoreElements(output, large.maxElements);
    const body = isLarge ? await large.encode(output.tensors, context) : encodePredictions(output);
    return event === undefined ? jsonReply(body) : eventReply(body, event, target.name, eventSettings(controlPlane, target));
  }
  return streamReply({ context, payloads: output, encode: encodePredictions, asEvents: wantsEvents(request.headers) });
}

/** The model's own server reads the body, and what it answers is the answer. */
async function pass(dataPlane: DataPlane, { method = "predict", ...target }: Target, request: HttpRequest): Promise<HttpReply> {
  const { context, headers, body } = request;
  const call: RawCall = { protocol: "v1", path: `:${method}`, stream: wantsEvents(headers) };
  const { output } = await dataPlane.infer({ target, payload: { kind: "raw", contentType: typeOf(headers), body, call }, context });
  context.record.method = method;
  return isStream(output) ? rawStreamReply({ context, payloads: output, errorBody }) : rawReply(output);
}

/** What clients say who say nothing, such as `curl -d`, is not what a server of V1 should hear. */
function typeOf({ "content-type": said }: HttpRequest["headers"]): string {
  const type = String(said ?? "");
  return type === "" || type.startsWith("application/x-www-form-urlencoded") ? "application/json" : type;
}

/** At once, unless the body is large. */
function decode(
  dataPlane: DataPlane,
  large: LargePredict | undefined,
  target: Target,
  request: HttpRequest,
): DecodedPredict | ReturnType<typeof decodeLarge> {
  const { body, headers } = request;
  if (isRaw(headers, body)) return decodeRaw(body);
  return large !== undefined && body.byteLength > large.maxBytes ? decodeLarge(dataPlane, large, target, request) : decodePredict(body);
}

function eventMode(headers: HttpRequest["headers"], inHeaders?: Attributes, enveloped?: Attributes): EventMode | undefined {
  if (inHeaders !== undefined) return { mode: "binary", attributes: inHeaders };
  return enveloped !== undefined && isStructured(headers) ? { mode: "structured", attributes: enveloped } : undefined;
}

function eventSettings(controlPlane: V1Options["controlPlane"], target: Target): EventSettings {
  return {
    type: controlPlane.variable(target, "CE_TYPE"),
    source: controlPlane.variable(target, "CE_SOURCE"),
    merge: controlPlane.variable(target, "CE_MERGE")?.toLowerCase() === "true",
  };
}

/** With OpenAI's keys beside KServe's, once there is a model that speaks its protocol. */
function list(controlPlane: V1Options["controlPlane"], request: HttpRequest): HttpReply {
  const data = openAiModels(controlPlane, request);
  return modelsReply(controlPlane, request, data.length === 0 ? {} : { object: "list", data });
}

/** Whether it is ready; for TensorFlow's formats with what TensorFlow Serving's clients look for, and OpenAI's where the model speaks its protocol. */
async function readiness(controlPlane: V1Options["controlPlane"], target: Target): Promise<HttpReply> {
  const status = await controlPlane.readiness(target);
  if (speaksOpenAi(status)) return readinessReply(status, openAiModel(controlPlane, status));
  if (!isTensorFlow(status)) return readinessReply(status);
  return jsonReply(
    versionStatus(status, target.version === undefined ? controlPlane.versions(target) : [status]),
    status.answers ? 200 : 503,
  );
}

async function metadata(controlPlane: V1Options["controlPlane"], request: HttpRequest): Promise<HttpReply> {
  return jsonReply(signatureDefinitions(await controlPlane.describe(targetOf(request), request.context)));
}

async function decodeLarge(
  dataPlane: DataPlane,
  large: LargePredict,
  target: Target,
  { body, context }: HttpRequest,
): Promise<DecodedPredict & Pick<InferRequest, "boundTo">> {
  const signature = await dataPlane.signature(target, context);
  const decoded = await large.decode(body, signature, target.name, context);
  return decoded.method === undefined ? { ...decoded, boundTo: signature } : decoded;
}
