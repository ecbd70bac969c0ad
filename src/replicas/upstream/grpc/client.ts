import { ServeError } from "../../../core/errors.ts";
import type { Payload } from "../../../core/inference.ts";
import type { ReplicaCall } from "../../../core/replica.ts";
import {
  encodeInferRequest,
  ModelConfigRequestSchema,
  ModelConfigResponseSchema,
  ModelMetadataRequestSchema,
  ModelMetadataResponseSchema,
  readInferResponse,
  readStreamResponse,
  ServerMetadataRequestSchema,
  ServerMetadataResponseSchema,
} from "../../../grpc-messages/index.ts";
import type { UpstreamClient, UpstreamClientOptions, UpstreamDescription } from "../client.ts";
import { forwardedHeaders } from "../forwarded-headers.ts";
import { signatureOfMetadata } from "../metadata-signature.ts";
import { tensorsOfPayload } from "../payload-tensors.ts";
import { type Ask, askThrough, pathOf, understood } from "./ask.ts";
import { type CallOptions, callOnce, callStream } from "./call.ts";
import { Channel } from "./channel.ts";
import { createRepositoryClient } from "./repository.ts";

/** Asks by the Open Inference Protocol over gRPC, with Triton's model configuration and repository extension where the server has them. */
export function createGrpcClient(options: UpstreamClientOptions): UpstreamClient {
  const channel = new Channel(options);
  const ask = askThrough(channel);
  return {
    describe: (signal) => describe(options.model, ask, signal),
    async infer(call, signal) {
      const bytes = await callOnce(channel, callOptions(options, "ModelInfer", call, {}, signal));
      return understood(() => ({ kind: "tensors", tensors: readInferResponse(bytes).tensors }));
    },
    stream: (call, signal) => pieces(channel, callOptions(options, "ModelStreamInfer", call, STATUS_METADATA, signal)),
    repository: createRepositoryClient(ask),
    close: () => channel.close(),
  };
}

/** Triton tells errors of a stream in its trailers then, with their codes. */
const STATUS_METADATA = { triton_grpc_error: "true" };

function callOptions(
  { model, clock }: UpstreamClientOptions,
  method: string,
  { payload, outputs, parameters, origin }: ReplicaCall,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): CallOptions {
  const message = encodeInferRequest({
    modelName: model,
    tensors: tensorsOfPayload(payload),
    ...(outputs === undefined ? {} : { outputs }),
    ...(parameters === undefined ? {} : { parameters }),
  });
  return {
    path: pathOf(method),
    message,
    headers: { ...forwardedHeaders(origin), ...headers },
    timeoutMs: origin === undefined || origin.deadline === Number.POSITIVE_INFINITY ? undefined : origin.deadline - clock.now(),
    signal,
  };
}

/** Answers without outputs say only that there are no more. */
async function* pieces(channel: Channel, options: CallOptions): AsyncGenerator<Payload, void, undefined> {
  for await (const bytes of callStream(channel, options)) {
    const { error, answer } = understood(() => readStreamResponse(bytes));
    if (error !== "") throw new ServeError("UNKNOWN", error.slice(0, 1024));
    if (answer.tensors.length > 0) yield { kind: "tensors", tensors: answer.tensors };
  }
}

async function describe(model: string, ask: Ask, signal: AbortSignal): Promise<UpstreamDescription> {
  const asked = { request: ModelMetadataRequestSchema, response: ModelMetadataResponseSchema };
  const [metadata, server, config] = await Promise.all([
    ask("ModelMetadata", asked, { name: model }, signal),
    unlessMissing(ask("ServerMetadata", { request: ServerMetadataRequestSchema, response: ServerMetadataResponseSchema }, {}, signal)),
    unlessMissing(ask("ModelConfig", { request: ModelConfigRequestSchema, response: ModelConfigResponseSchema }, { name: model }, signal)),
  ]);
  const inputs = metadata.inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape: shape.map(Number) }));
  const outputs = metadata.outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape: shape.map(Number) }));
  const optional = config?.config?.input.filter((input) => input.optional).map(({ name }) => name) ?? [];
  const streaming = config?.config?.modelTransactionPolicy?.decoupled === true;
  return {
    signature: signatureOfMetadata(inputs, outputs, { streaming, optional }),
    platform: server?.name ?? metadata.platform,
    version: server?.version ?? "",
  };
}

/** What a server has not is not needed either. */
async function unlessMissing<Answer>(answer: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ServeError && (error.code === "UNIMPLEMENTED" || error.code === "INVALID_ARGUMENT")) return undefined;
    throw error;
  }
}
