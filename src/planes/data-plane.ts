import type { RateLimiter } from "../core/access.ts";
import type { Clock } from "../core/clock.ts";
import type { RequestContext } from "../core/context.ts";
import { ServeError } from "../core/errors.ts";
import { type InferRequest, type InferResponse, isStream, type Payload } from "../core/inference.ts";
import type { ModelSpec } from "../core/model.ts";
import type { DataPlane } from "../core/planes.ts";
import type { CallOrigin, ReplicaCall } from "../core/replica.ts";
import type { Signature } from "../core/signature.ts";
import type { UpstreamSpec } from "../core/upstream.ts";
import { tensorsOfRows } from "../encodings/index.ts";
import { bind, type ModelVersion, type Registry } from "../models/index.ts";
import { explained, findModel } from "./held-model.ts";
import type { ResponseCache } from "./response-cache.ts";
import { heedTimeout } from "./timeouts.ts";

/** The door for requests: find the model, bind the payload to its method, schedule. */
export function createDataPlane(registry: Registry, clock: Clock, limitRate: RateLimiter, cache?: ResponseCache): DataPlane {
  /** Where a request goes on that found its model on the way out: to what there is for it now. @throws the error where it cannot */
  const successorOf = (model: ModelVersion, { target, context }: InferRequest, error: unknown): ModelVersion => {
    const { aborted, record, modelId } = context;
    if (modelId !== undefined) throw explained(error, registry, target, context);
    // What has reached a replica may have had an effect; the scheduler knows whether it may be repeated.
    if (!(error instanceof ServeError) || error.code !== "UNAVAILABLE" || aborted !== undefined || record.batchSize > 0) throw error;
    const successor = registry.find(target, context);
    if (successor === model) throw error;
    return successor;
  };
  const infer = async (request: InferRequest): Promise<InferResponse> => {
    const { target, context } = request;
    for (let model = findModel(registry, target, context); ; ) {
      try {
        note(model.spec, context);
        heedTimeout(model.spec, context);
        await model.activate(context, clock);
        const { name: method, signature } = model.method(target.method);
        context.record.method = method;
        checkOutputs(request, signature);
        const call = callTo(model.spec, request, method, signature);
        if (signature.streaming === true || (call.payload.kind === "raw" && call.payload.call?.stream === true)) {
          context.record.streamed = true;
          return answerOf(model, stream(model, call, request));
        }
        const isKept = cache !== undefined && model.spec.responseCache === true && signature.stateful !== true;
        const kept = isKept ? keptAnswer(cache, model, call, context) : undefined;
        if (kept?.payload !== undefined) return answerOf(model, kept.payload);
        const { payload } = await model.scheduler.run(call, signature, context);
        kept?.keep(payload);
        return answerOf(model, payload);
      } catch (error) {
        model = successorOf(model, request, error);
      }
    }
  };
  async function* stream(model: ModelVersion, call: ReplicaCall, request: InferRequest): AsyncGenerator<Payload, void, undefined> {
    let begun = false;
    try {
      for await (const piece of model.scheduler.stream(call, request.context)) {
        begun = true;
        yield piece;
      }
    } catch (error) {
      if (begun) throw error;
      successorOf(model, request, error);
      const { output } = await infer(request);
      if (!isStream(output)) throw error;
      yield* output;
    }
  }
  return {
    infer,
    admit(target, declaredBytes, context) {
      const model = findModel(registry, target, context);
      note(model.spec, context);
      limitRate(context.principal, model.spec, model.spec.scheduling?.rateLimit);
      model.admit(declaredBytes, context);
    },
    passes(target, protocol, context) {
      const { upstream } = findModel(registry, target, context).spec;
      // What is to share a call has to be read.
      if (upstream === undefined || (protocol === "v1" && upstream.batchable)) return false;
      return upstream.protocols.some((spoken) => spoken.protocol === protocol);
    },
    async signature(target, context) {
      const model = findModel(registry, target, context);
      try {
        await model.activate(context, clock);
      } catch (error) {
        throw explained(error, registry, target, context);
      }
      return model.method(target.method).signature;
    },
  };
}

function answerOf({ id, spec }: ModelVersion, output: InferResponse["output"]): InferResponse {
  return { modelName: spec.name, modelVersion: spec.version, modelId: id, output };
}

/** The answer that an equal request has had, or how to keep this one's; undefined for requests that are never equal. */
function keptAnswer(
  cache: ResponseCache,
  model: ModelVersion,
  call: ReplicaCall,
  { record }: RequestContext,
): { readonly payload: Payload | undefined; keep(payload: Payload): void } | undefined {
  const key = cache.keyOf(model.id, call);
  if (key === undefined) return undefined;
  const payload = cache.get(key);
  record.cache = payload === undefined ? "miss" : "hit";
  return { payload, keep: (answer) => cache.put(key, answer) };
}

/** Whose request it is, for whoever counts it: also when it is refused before its body is read. */
function note({ namespace, name, version }: ModelSpec, { record }: RequestContext): void {
  record.namespace = namespace;
  record.model = name;
  record.version = version;
}

/** Models that others ask for something, and servers of their own, are told whose call it is. */
function callTo({ upstream, configuration }: ModelSpec, request: InferRequest, method: string, signature: Signature): ReplicaCall {
  if (upstream !== undefined) return upstreamCall(upstream, request, method, signature);
  return callOf(request, method, signature, configuration === undefined ? undefined : request.context);
}

/** Every request has one, so its fields are always the same: an object whose shape V8 knows is made at a fraction of the cost. */
function callOf(
  { target, payload, outputs, parameters, boundTo }: InferRequest,
  method: string,
  signature: Signature,
  origin: CallOrigin | undefined,
): ReplicaCall {
  const bound = boundTo === signature ? payload : bind(payload, signature, target.name, parameters);
  return { method, payload: bound, outputs, parameters, origin };
}

/** What KServe calls the only input of a model that has no name for it. */
const ONLY_INPUT = "input-0";

/** Of a model with a server of its own, which is told whose call it is. Only tensors can share a call: where calls may, rows become tensors. */
function upstreamCall({ batchable }: UpstreamSpec, request: InferRequest, method: string, signature: Signature): ReplicaCall {
  const { payload, context } = request;
  const tensors =
    batchable && signature.accepts === "json" && payload.kind === "rows" ? tensorsOfRows(payload.rows, ONLY_INPUT) : undefined;
  const asked = tensors === undefined ? request : { ...request, payload: { kind: "tensors" as const, tensors } };
  return callOf(asked, method, signature, context);
}

/** @throws ServeError INVALID_ARGUMENT for an output that the method does not have, or that is asked for twice */
function checkOutputs({ outputs, target }: InferRequest, signature: Signature): void {
  if (outputs === undefined || signature.outputs.length === 0) return;
  const names = signature.outputs.map((output) => output.name);
  outputs.forEach((name, index) => {
    if (!names.includes(name)) {
      throw new ServeError(
        "INVALID_ARGUMENT",
        `unexpected inference output '${name}' for model '${target.name}'; it has ${names.join(", ")}`,
      );
    }
    if (outputs.indexOf(name) !== index) throw new ServeError("INVALID_ARGUMENT", `output '${name}' already exists in request`);
  });
}
