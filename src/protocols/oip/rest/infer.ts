import { randomUUID } from "node:crypto";
import type { ClientMemory } from "../../../core/client-memory.ts";
import { ServeError } from "../../../core/errors.ts";
import type { HttpReply, HttpRequest } from "../../../core/http.ts";
import { isStream, type Parameters, type Payload, type Target } from "../../../core/inference.ts";
import type { DataPlane } from "../../../core/planes.ts";
import { hasMoreElements, streamReply, targetOf, wantsEvents, withMethod } from "../../shared/index.ts";
import { classified } from "../extensions/classification.ts";
import type { Extensions } from "../extensions/extensions.ts";
import { rawInput } from "../extensions/raw-input.ts";
import { RequestRegions } from "../extensions/request-regions.ts";
import { type DecodedInfer, decodeInfer, JSON_LENGTH_HEADER } from "./decode.ts";
import { type AnswerHead, encodeInfer, encodeText } from "./encode.ts";
import { decodeLarge, encodeLarge, isLarge, type LargeInfer } from "./large.ts";
import { applySchedule, modelParameters } from "./schedule-parameters.ts";

export interface InferOptions {
  readonly dataPlane: DataPlane;
  /** Shared memory of clients. */
  readonly memory: ClientMemory;
  /** Without it everything is read and written in the event loop. */
  readonly large?: LargeInfer | undefined;
  readonly extensions: Pick<Extensions, "profile" | "forwardedHeaders">;
}

/** `POST …/infer`. @throws ServeError */
export async function infer({ dataPlane, memory, large, extensions }: InferOptions, request: HttpRequest): Promise<HttpReply> {
  const inPath = targetOf(request);
  const { context } = request;
  context.record.model = inPath.name;
  const reading = decode({ dataPlane, large }, inPath, request);
  const decoded = reading instanceof Promise ? await reading : reading;
  const { id, outputs, parameters: all, binary, classes } = decoded;
  context.id = id;
  if (all !== undefined) applySchedule(all, context);
  const parameters = withHeaders(all === undefined ? undefined : modelParameters(all), request, extensions.forwardedHeaders);
  const target = withMethod(inPath, all?.method);
  const regions = regionsOf(memory, context.principal, decoded);
  try {
    const { modelName, modelVersion, output } = await dataPlane.infer({
      target,
      payload: { kind: "tensors", tensors: regions === undefined ? decoded.tensors : await regions.fill(decoded.tensors, inPath.name) },
      context,
      outputs,
      parameters,
    });
    const head = { modelName, modelVersion, id: idOf(id, extensions) };
    if (isStream(output)) return inEvents(head, output, request);
    const answer = classes === undefined ? output : classified(output, classes, await dataPlane.signature(target, context));
    if (regions !== undefined && answer.kind === "tensors") return encodeInfer(head, answer, binary, await regions.write(answer.tensors));
    if (large !== undefined && hasMoreElements(answer, large.maxElements) && !answer.tensors.every(({ name }) => binary(name)))
      return await encodeLarge(large, head, answer, binary, context);
    return encodeInfer(head, answer, binary);
  } finally {
    regions?.release();
  }
}

function regionsOf(memory: ClientMemory, owner: string, { placedInputs, placedOutputs }: DecodedInfer): RequestRegions | undefined {
  if (placedInputs === undefined && placedOutputs === undefined) return undefined;
  return new RequestRegions(memory, owner, placedInputs ?? [], placedOutputs ?? {});
}

function inEvents(head: AnswerHead, payloads: AsyncIterable<Payload>, { context, headers }: HttpRequest): HttpReply {
  if (wantsEvents(headers)) return streamReply({ context, payloads, encode: (payload) => encodeText(head, payload), asEvents: true });
  const text = "HTTP end point doesn't support models with decoupled transaction policy without it";
  throw new ServeError(
    "UNIMPLEMENTED",
    `model '${head.modelName}' answers with a stream: ask for it with the header 'Accept: text/event-stream'; ${text}`,
  );
}

/** KServe's client cannot read an answer without an id; Triton's expects one only where it sent one. */
export function idOf(id: string | undefined, { profile }: Pick<Extensions, "profile">): string | undefined {
  return id === undefined && profile.makesIds ? randomUUID() : id;
}

/** At once, unless the body is raw or large. */
function decode(
  { dataPlane, large }: Pick<InferOptions, "dataPlane" | "large">,
  target: Target,
  request: HttpRequest,
): DecodedInfer | Promise<DecodedInfer> {
  const { body, headers } = request;
  if (headers[JSON_LENGTH_HEADER] === "0" && body.byteLength > 0) return decodeRaw(dataPlane, target, request);
  return large !== undefined && isLarge(request, large) ? decodeLarge(large, request) : decodeInfer(body, headers);
}

async function decodeRaw(dataPlane: InferOptions["dataPlane"], target: Target, { body, context }: HttpRequest): Promise<DecodedInfer> {
  const signature = await dataPlane.signature(target, context);
  return { tensors: [rawInput(signature, body, target.name)], binary: () => true };
}

/** Headers of the request that the operator lets through, by their lower-case names; parameters of the body win. */
export function withHeaders(
  parameters: Parameters | undefined,
  { headers }: Pick<HttpRequest, "headers">,
  pattern: RegExp | undefined,
): Parameters | undefined {
  if (pattern === undefined) return parameters;
  const forwarded = Object.entries(headers).flatMap(([name, value]) =>
    typeof value === "string" && pattern.test(name) ? [[name, value]] : [],
  );
  return forwarded.length === 0 ? parameters : { ...(Object.fromEntries(forwarded) as Record<string, string>), ...parameters };
}
