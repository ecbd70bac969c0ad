import type { RequestContext } from "../../../core/context.ts";
import { ServeError } from "../../../core/errors.ts";
import type { HttpReply, HttpRequest } from "../../../core/http.ts";
import { isStream, type Payload } from "../../../core/inference.ts";
import { failJson, jsonReply, streamReply, targetOf } from "../../shared/index.ts";
import { assertNoneTwice, onlyAnswer, readGenerate, writeGenerated } from "../extensions/generate.ts";
import { type InferOptions, withHeaders } from "./infer.ts";
import { optionalObject } from "./route-kinds.ts";
import { applySchedule, modelParameters } from "./schedule-parameters.ts";

/** `POST …/generate` and, `streaming`, `…/generate_stream`. @throws ServeError */
export async function generate({ dataPlane, extensions }: InferOptions, streaming: boolean, request: HttpRequest): Promise<HttpReply> {
  const target = targetOf(request);
  const { context } = request;
  context.record.model = target.name;
  const signature = await dataPlane.signature(target, context);
  const body = optionalObject(request);
  assertNoneTwice(request.body, signature);
  const { id, tensors, parameters: all } = readGenerate(body, signature, target.name);
  context.id = id;
  if (all !== undefined) applySchedule(all, context);
  const parameters = withHeaders(all === undefined ? undefined : modelParameters(all), request, extensions.forwardedHeaders);
  const { modelName, modelVersion, output } = await dataPlane.infer({
    target,
    payload: { kind: "tensors", tensors },
    context,
    ...(parameters === undefined ? {} : { parameters }),
  });
  const encode = (payload: Payload): string => writeGenerated({ modelName, modelVersion, id }, payload);
  if (streaming) return await inEvents(isStream(output) ? output : [output], encode, context);
  return jsonReply(encode(isStream(output) ? await onlyAnswer(output) : output));
}

/**
 * A model that fails before its first answer says so in an event too, and in the status; what is wrong with the request was said before, and
 * as JSON.
 */
async function inEvents(
  output: AsyncIterable<Payload> | Iterable<Payload>,
  encode: (payload: Payload) => string,
  context: RequestContext,
): Promise<HttpReply> {
  const payloads = resumed(output);
  const reply = streamReply({ context, payloads: payloads.all, encode, asEvents: true });
  try {
    await payloads.begin();
    return reply;
  } catch (thrown) {
    const error = ServeError.from(thrown);
    if (error.code === "INVALID_ARGUMENT" || error.code === "CANCELLED") throw error;
    context.record.outcome = error.code;
    context.record.refusal = error.refusal;
    const { status, headers, body } = failJson(error);
    return { status, headers: { ...headers, ...reply.headers }, body: `data: ${body as string}\n\n` };
  }
}

/** The payloads, of which the first can be waited for before anybody takes it. */
function resumed(output: AsyncIterable<Payload> | Iterable<Payload>): { begin(): Promise<void>; readonly all: AsyncIterable<Payload> } {
  const iterator = Symbol.asyncIterator in output ? output[Symbol.asyncIterator]() : output[Symbol.iterator]();
  let first: IteratorResult<Payload> | undefined;
  async function* all(): AsyncGenerator<Payload> {
    try {
      for (let next = first ?? (await iterator.next()); next.done !== true; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  }
  return {
    async begin() {
      first = await iterator.next();
    },
    all: all(),
  };
}
