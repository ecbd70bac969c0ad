import type { ClientMemory } from "../../../core/client-memory.ts";
import type { RequestContext } from "../../../core/context.ts";
import { ServeError } from "../../../core/errors.ts";
import type { GrpcCall, GrpcMessage, GrpcMethod, GrpcRequest } from "../../../core/grpc.ts";
import { type InferResponse, isStream, type Payload, type Target } from "../../../core/inference.ts";
import type { DataPlane } from "../../../core/planes.ts";
import { type InferMessage, readInferMessage } from "../../../grpc-messages/index.ts";
import { withMethod } from "../../shared/index.ts";
import { classified } from "../extensions/classification.ts";
import type { Extensions } from "../extensions/extensions.ts";
import { RequestRegions } from "../extensions/request-regions.ts";
import { idOf, withHeaders } from "../rest/infer.ts";
import { asTriton } from "../rest/route-kinds.ts";
import { applySchedule, modelParameters } from "../rest/schedule-parameters.ts";
import { type DecodedMessage, decodeMessage } from "./decode.ts";
import { encodeResponse, encodeStreamResponse, type ResponseHead, type Written } from "./encode.ts";
import { SERVICE, targetOfModel } from "./target.ts";

export interface InferOptions {
  readonly dataPlane: DataPlane;
  /** Shared memory of clients. */
  readonly memory: ClientMemory;
  readonly extensions: Pick<Extensions, "profile" | "forwardedHeaders">;
}

const FINAL = "triton_final_response";
/** Metadata of a stream whose client wants errors as its status. */
const STATUS_METADATA = "triton_grpc_error";

interface Answered {
  readonly decoded: DecodedMessage;
  readonly response: InferResponse;
  readonly written?: Written;
}

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
      return { target, answer: () => answerOnce(options, message, target, call, bytes.byteLength) };
    },
  };
}

async function answerOnce(
  options: InferOptions,
  message: InferMessage,
  target: Target,
  call: GrpcCall,
  bytes: number,
): Promise<GrpcMessage> {
  const { decoded, response, written } = await infer(options, message, target, call, bytes);
  const { output } = response;
  if (isStream(output)) {
    await output[Symbol.asyncIterator]().return?.();
    throw new ServeError("UNIMPLEMENTED", `model '${target.name}' answers with a stream (a decoupled model): call ModelStreamInfer`);
  }
  return encodeResponse(headOf(options, message, response), output, options.extensions.profile.rawOutputs || decoded.raw, written);
}

/** ModelStreamInfer: any number of requests, answered in their order unless they have several answers; an error of one of them is an answer. */
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
      let begun: Promise<Answered> | undefined;
      return {
        target,
        answer() {
          // It begins at once, and not when those before it have been answered.
          begun = infer(options, message, target, call, bytes.byteLength);
          begun.catch(() => undefined);
          return answers(options, message, begun);
        },
        // Answers of a decoupled model find their requests by their ids, as in Triton.
        mayOvertake: async () => {
          const answered = await begun?.catch(() => undefined);
          return answered !== undefined && isStream(answered.response.output);
        },
      };
    },
    fail({ message }, { [STATUS_METADATA]: wantsStatus }, context) {
      if (wantsStatus === "true") return undefined;
      const head: ResponseHead = { modelName: "", modelVersion: "", id: ids.get(context) ?? "" };
      return encodeStreamResponse(encodeResponse(head, undefined, true), message);
    },
  };
}

async function* answers(options: InferOptions, message: InferMessage, begun: Promise<Answered>): AsyncGenerator<GrpcMessage> {
  const { decoded, response, written } = await begun;
  const head = headOf(options, message, response);
  const raw = options.extensions.profile.rawOutputs || decoded.raw;
  const encode = (payload: Payload | undefined, final: boolean): GrpcMessage =>
    encodeStreamResponse(encodeResponse({ ...head, parameters: { [FINAL]: final } }, payload, raw, written));
  if (!isStream(response.output)) {
    yield encode(response.output, true);
    return;
  }
  for await (const payload of response.output) yield encode(payload, false);
  if (decoded.emptyFinal) yield encode(undefined, true);
}

function infer(options: InferOptions, message: InferMessage, inMessage: Target, call: GrpcCall, bytes: number): Promise<Answered> {
  const { dataPlane, memory, extensions } = options;
  const { context, metadata } = call;
  return asTriton(inMessage.name, extensions.profile.unavailableIsUnknown, async () => {
    dataPlane.admit(inMessage, bytes, context);
    const decoded = decodeMessage(message);
    const { tensors, outputs, parameters: all, classes } = decoded;
    if (message.id !== "") context.id = message.id;
    if (all !== undefined) applySchedule(all, context);
    const own = all === undefined ? undefined : modelParameters(all);
    const parameters = withHeaders(own, { headers: metadata }, extensions.forwardedHeaders);
    const target = withMethod(inMessage, all?.method);
    const { placed } = decoded;
    const regions = placed && new RequestRegions(memory, context.principal, placed.inputs, placed.outputs);
    try {
      const response = await dataPlane.infer({
        target,
        payload: { kind: "tensors", tensors: regions === undefined ? tensors : await regions.fill(tensors, inMessage.name) },
        context,
        ...(outputs === undefined ? {} : { outputs }),
        ...(parameters === undefined ? {} : { parameters }),
      });
      if (isStream(response.output)) return { decoded, response };
      const output =
        classes === undefined ? response.output : classified(response.output, classes, await dataPlane.signature(target, context));
      const answered = { decoded, response: { ...response, output } };
      if (regions === undefined || output.kind !== "tensors") return answered;
      return { ...answered, written: (await regions.write(output.tensors)) as Written };
    } finally {
      regions?.release();
    }
  });
}

function headOf({ extensions }: InferOptions, { id }: InferMessage, { modelName, modelVersion }: InferResponse): ResponseHead {
  return { modelName, modelVersion, id: idOf(id === "" ? undefined : id, extensions) ?? "" };
}

/** The model that a message names. @throws ServeError NOT_FOUND for names and versions that no model can have */
function targetOfMessage({ modelName, modelVersion }: InferMessage, { metadata, context }: GrpcCall): Target {
  const target = targetOfModel(modelName, modelVersion, metadata);
  context.record.model = target.name;
  return target;
}
