import type { Clock } from "../core/clock.ts";
import { createRecord, RequestContext } from "../core/context.ts";
import { countedRequest } from "../core/counted-request.ts";
import { ServeError } from "../core/errors.ts";
import type { Events } from "../core/events.ts";
import { type InferResponse, isStream, type Payload, type Target } from "../core/inference.ts";
import type { DataPlane } from "../core/planes.ts";
import type { Priority } from "../core/scheduling.ts";
import { payloadOf } from "./payload.ts";

/** What a call of a handle is made of where the models are. */
export interface LocalCall {
  readonly target: Target;
  readonly inputs: unknown;
  readonly outputs?: readonly string[] | undefined;
  readonly parameters?: Readonly<Record<string, string | number | bigint | boolean>> | undefined;
  /** Of a method that streams the answers, of any other its one answer as a stream; otherwise a method that streams is refused. */
  readonly streams: boolean;
}

export interface CallsOptions {
  readonly dataPlane: DataPlane;
  readonly events: Events;
  readonly clock: Clock;
  /** Milliseconds after which a request is given up that asks for no less. */
  readonly requestTimeoutMs: number;
}

export interface Opening {
  readonly modelId?: string | undefined;
  readonly principal?: string;
  readonly priority?: Priority | undefined;
  /** Milliseconds that it may take. */
  readonly timeoutMs?: number | undefined;
}

/** A context for a call that no protocol has brought, counted like any other request. */
export function openContext({ clock, requestTimeoutMs }: CallsOptions, name: string, opening: Opening): RequestContext {
  const startedAt = clock.now();
  const record = createRecord("handle", name, startedAt);
  const context = new RequestContext({ deadline: startedAt + requestTimeoutMs, record });
  if (opening.timeoutMs !== undefined) context.dueBy(startedAt + opening.timeoutMs);
  context.modelId = opening.modelId;
  context.principal = opening.principal ?? "";
  context.priority = opening.priority;
  return context;
}

/**
 * Answers a call that has been admitted.
 * @throws ServeError as the data plane does, and FAILED_PRECONDITION for a method that streams where one answer is wanted
 */
export async function answerCall(dataPlane: DataPlane, call: LocalCall, context: RequestContext): Promise<InferResponse> {
  const { target, inputs, outputs, parameters, streams } = call;
  const signature = await dataPlane.signature(target, context);
  if (signature.streaming === true && !streams)
    throw new ServeError("FAILED_PRECONDITION", `${methodInWords(target)} answers with a stream: call stream() instead of run()`);
  const response = await dataPlane.infer({
    target,
    payload: payloadOf(inputs, signature),
    context,
    ...(outputs === undefined ? {} : { outputs }),
    ...(parameters === undefined ? {} : { parameters }),
  });
  if (!streams || isStream(response.output)) return response;
  return { ...response, output: only(response.output) };
}

/** Admits and answers a call, and counts it: when it has been answered, or its stream has ended. */
export function performCall(options: CallsOptions, call: LocalCall, context: RequestContext): Promise<InferResponse> {
  const { dataPlane } = options;
  return countedRequest(options, context, () => {
    dataPlane.admit(call.target, 0, context);
    return answerCall(dataPlane, call, context);
  });
}

async function* only(payload: Payload): AsyncGenerator<Payload, void, undefined> {
  yield payload;
}

function methodInWords({ name, method }: Target): string {
  return method === undefined ? `model '${name}'` : `method '${method}' of model '${name}'`;
}
