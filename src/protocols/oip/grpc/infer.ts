import { randomUUID } from "node:crypto";
import type { RequestContext } from "../../../core/context.ts";
import { ServeError } from "../../../core/errors.ts";
import type { GrpcCall, GrpcMessage, GrpcMethod, GrpcRequest } from "../../../core/grpc.ts";
import { type InferResponse, isStream, type Payload, type Target } from "../../../core/inference.ts";
import type { DataPlane } from "../../../core/planes.ts";
import { assertMethodName, targetOf, unexpected } from "../../shared/index.ts";
import { applySchedule, modelParameters } from "../rest/schedule-parameters.ts";
import { type DecodedMessage, decodeMessage } from "./decode.ts";
import { encodeResponse, encodeStreamResponse, type ResponseHead } from "./encode.ts";
import { type InferMessage, readInferMessage } from "./infer-message.ts";

export interface InferOptions {
  readonly dataPlane: DataPlane;
  /** Answers have raw contents, whatever form the request had. */
  readonly rawOutputs: boolean;
  /** Answers have an id also when the request had none. */
  readonly makesIds: boolean;
}

const SERVICE = "/inference.GRPCInferenceService";
const FINAL = "triton_final_response";
/** Metadata of a stream whose client wants errors as its status. */
const STATUS_METADATA = "triton_grpc_error";

/** ModelInfer: one answer to one request. */
export function createInferMethod(options: InferOptions): GrpcMethod {
  return {
    path: `${SERVICE}/ModelInfer`,
    access: "infer",
    protocol: "grpc",
    aboutModel: true,
    read(bytes, call) {
      const message = readInferMessage(bytes);
      const target = targetOfMessage(message, call);
      return { target, answer: () => answerOnce(options, message, target, call.context, bytes.byteLength) };
    },
  };
}

async function answerOnce(
  options: InferOptions,
  message: InferMessage,
  target: Target,
  context: RequestContext,
  bytes: number,
): Promise<GrpcMessage> {
  const { decoded, response } = await infer(options, message, target, context, bytes);
  const { output } = response;
  if (isStream(output)) {
    await output[Symbol.asyncIterator]().return?.();
    throw new ServeError("UNIMPLEMENTED", `model '${target.name}' answers with a stream (a decoupled model): call ModelStreamInfer`);
  }
  return encodeResponse(headOf(options, message, response), output, options.rawOutputs || decoded.raw);
}

/** ModelStreamInfer: any number of requests, answered in their order; an error of one of them is an answer. */
export function createStreamInferMethod(options: InferOptions): GrpcMethod {
  /** Clients find by it which request has failed. */
  const ids = new WeakMap<RequestContext, string>();
  return {
    path: `${SERVICE}/ModelStreamInfer`,
    access: "infer",
    protocol: "grpc",
    aboutModel: true,
    streaming: true,
    read(bytes, call): GrpcRequest {
      const message = readInferMessage(bytes);
      ids.set(call.context, message.id);
      const target = targetOfMessage(message, call);
      return { target, answer: () => answerMany(options, message, target, call.context, bytes.byteLength) };
    },
    fail({ message }, { [STATUS_METADATA]: wantsStatus }, context) {
      if (wantsStatus === "true") return undefined;
      const head: ResponseHead = { modelName: "", modelVersion: "", id: ids.get(context) ?? "" };
      return encodeStreamResponse(encodeResponse(head, undefined, true), message);
    },
  };
}

function answerMany(
  options: InferOptions,
  message: InferMessage,
  target: Target,
  context: RequestContext,
  bytes: number,
): AsyncIterable<GrpcMessage> {
  // It begins at once, and not when those before it have been answered.
  const begun = infer(options, message, target, context, bytes);
  begun.catch(() => undefined);
  return answers(options, message, begun);
}

async function* answers(
  options: InferOptions,
  message: InferMessage,
  begun: Promise<{ decoded: DecodedMessage; response: InferResponse }>,
): AsyncGenerator<GrpcMessage> {
  const { decoded, response } = await begun;
  const head = headOf(options, message, response);
  const raw = options.rawOutputs || decoded.raw;
  const encode = (payload: Payload | undefined, final: boolean): GrpcMessage =>
    encodeStreamResponse(encodeResponse({ ...head, parameters: { [FINAL]: final } }, payload, raw));
  if (!isStream(response.output)) {
    yield encode(response.output, true);
    return;
  }
  for await (const payload of response.output) yield encode(payload, false);
  if (decoded.emptyFinal) yield encode(undefined, true);
}

async function infer(
  { dataPlane }: InferOptions,
  message: InferMessage,
  target: Target,
  context: RequestContext,
  bytes: number,
): Promise<{ decoded: DecodedMessage; response: InferResponse }> {
  dataPlane.admit(target, bytes, context);
  const decoded = decodeMessage(message);
  const { tensors, outputs, parameters: all } = decoded;
  if (all !== undefined) applySchedule(all, context);
  const parameters = all === undefined ? undefined : modelParameters(all);
  const response = await dataPlane.infer({
    target: withMethod(target, all?.method),
    payload: { kind: "tensors", tensors },
    context,
    ...(outputs === undefined ? {} : { outputs }),
    ...(parameters === undefined ? {} : { parameters }),
  });
  return { decoded, response };
}

function headOf({ makesIds }: InferOptions, { id }: InferMessage, { modelName, modelVersion }: InferResponse): ResponseHead {
  return { modelName, modelVersion, id: id === "" && makesIds ? randomUUID() : id };
}

/** The model that a message names. @throws ServeError NOT_FOUND for names and versions that no model can have */
function targetOfMessage({ modelName, modelVersion }: InferMessage, { metadata, context }: GrpcCall): Target {
  const target = targetOfModel(modelName, modelVersion, metadata);
  context.record.model = target.name;
  return target;
}

/** A model by its name and version, where an empty version is its latest. @throws ServeError NOT_FOUND */
export function targetOfModel(model: string, version: string, metadata: GrpcCall["metadata"]): Target {
  return targetOf({ params: version === "" ? { model } : { model, version }, headers: metadata });
}

/** The parameter `method` names one, as over REST. @throws ServeError */
function withMethod(target: Target, method: unknown): Target {
  if (method === undefined) return target;
  if (typeof method !== "string") throw unexpected("parameters.method", "the name of a method", String(method));
  assertMethodName(method, target.name);
  return { ...target, method };
}
