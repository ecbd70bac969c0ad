import { createRecord, RequestContext } from "../../core/context.ts";
import { ServeError } from "../../core/errors.ts";
import type { GrpcCall, GrpcMessage, GrpcMethod, GrpcRequest } from "../../core/grpc.ts";
import type { HttpHead } from "../../core/http.ts";
import { nextTurn } from "../../core/turns.ts";
import type { FramedMessage, MessageAccount } from "../../grpc-messages/index.ts";
import { BodyMemory } from "../body-memory.ts";
import { decompress, type Encoding } from "../compression.ts";
import { DEFAULT_LIMITS } from "../limits.ts";
import type { Call } from "./call.ts";
import type { GrpcServerOptions } from "./options.ts";
import { httpStatusOf } from "./status.ts";

/** One call that is being served. */
export interface OpenCall {
  readonly call: Call;
  readonly method: GrpcMethod;
  readonly headers: HttpHead["headers"];
  readonly encoding: Encoding | undefined;
  readonly startedAt: number;
  /** Requests of it that have not been answered. */
  readonly contexts: Set<RequestContext>;
  /** Whom its first headers said it is from. */
  readonly principal: string;
}

/** What becomes of a call from outside of it. */
export interface Served {
  /** Looks whether the client keeps others waiting. */
  sweep(now: number): void;
  /** No further request of it will be answered. */
  drain(): void;
  /** Ends it when it is open-ended: whoever asked has to ask again. */
  endOpenEnded(reason: ServeError): void;
}

/** A request whose answer is being made. */
export interface Begun {
  readonly context: RequestContext;
  readonly account: MessageAccount;
  readonly body: Uint8Array | undefined;
  readonly answer: GrpcMessage | Promise<GrpcMessage> | AsyncIterable<GrpcMessage>;
  /** See {@link GrpcRequest.mayOvertake}; undefined for one that never may. */
  readonly mayOvertake: Promise<boolean> | undefined;
}

/** The context of one request of a call, from now on. */
export function beginRequest(options: GrpcServerOptions, open: OpenCall, startedAt: number): RequestContext {
  const { method, contexts } = open;
  const record = createRecord(method.protocol ?? "", "", startedAt);
  const context = new RequestContext({ deadline: startedAt + options.requestTimeoutMs, record });
  context.principal = open.principal;
  context.headers = open.headers;
  contexts.add(context);
  if (method.protocol !== undefined) options.events.emit("request-started", record);
  return context;
}

/** Reads a message, asks whether its sender may, and begins to answer it. @throws ServeError */
export async function beginAnswer(
  options: GrpcServerOptions,
  open: OpenCall,
  context: RequestContext,
  message: FramedMessage,
): Promise<Begun> {
  const { method, headers } = open;
  const body = message.compressed ? await decompressed(options, open.encoding, message) : message.bytes;
  context.record.bytes = body.byteLength;
  const call: GrpcCall = { metadata: headers, context };
  const request = method.read(body, call);
  if (method.aboutModel === true) context.principal = authorize(options, method, request, headers);
  if (context.aborted !== undefined) throw context.aborted;
  const answer = request.answer();
  // Whoever delivers it may look at it later.
  if (answer instanceof Promise) answer.catch(() => undefined);
  return { context, account: message.account, body, answer, mayOvertake: request.mayOvertake?.() };
}

function authorize(options: GrpcServerOptions, { access }: GrpcMethod, { target }: GrpcRequest, headers: HttpHead["headers"]): string {
  return options.guard(target === undefined ? { access } : { access, target: () => target }, { params: {}, headers });
}

/** Sends what a request is answered with. @returns whether the only answer has ended the call */
export async function deliver({ call, method }: OpenCall, { answer, account, context }: Begun): Promise<boolean> {
  const whole = await answer;
  if (!(Symbol.asyncIterator in whole)) {
    call.revision = context.record.revision;
    context.record.stage = "answering";
    if (method.streaming === true || method.openEnded === true) await call.send(whole, account);
    else await call.sendLast(whole, account);
    return call.ended;
  }
  for await (const message of whole) {
    call.revision = context.record.revision;
    context.record.stage = "answering";
    if (context.aborted !== undefined) throw context.aborted;
    await call.send(message, account);
    // What is sent at once keeps nobody waiting; a model that is faster than that must not either.
    if (call.stream.writableLength > 0) await nextTurn();
  }
  return call.ended;
}

/** Writes down how a request has ended. */
export function endRequest(
  options: GrpcServerOptions,
  { method, headers, contexts }: OpenCall,
  context: RequestContext,
  body: Uint8Array | undefined,
): void {
  contexts.delete(context);
  if (method.protocol === undefined) return;
  const { record } = context;
  record.finishedAt = options.clock.now();
  options.events.emit("request-finished", record);
  const { path } = method;
  options.onExchange?.({ context, method: "POST", path, route: path, headers, body, status: httpStatusOf(record.outcome) });
}

/** What was thrown as an error for the client; what is a bug is reported. */
export function failureOf(
  options: GrpcServerOptions,
  headers: HttpHead["headers"],
  context: RequestContext | undefined,
  thrown: unknown,
): ServeError {
  const error = ServeError.from(thrown);
  if (context !== undefined) {
    context.record.outcome = error.code;
    context.record.refusal = error.refusal;
  }
  if (error.code === "INTERNAL" && error.cause !== undefined)
    options.onFault(error.cause as Error, headers.traceparent as string | undefined);
  return error;
}

async function decompressed(
  { maxMessageBytes, limits = DEFAULT_LIMITS }: GrpcServerOptions,
  encoding: Encoding | undefined,
  { bytes, account }: FramedMessage,
): Promise<Uint8Array> {
  if (encoding === undefined) throw new ServeError("INTERNAL", "a message says that it is compressed, but no grpc-encoding says how");
  const whole = await decompress(bytes, encoding, { maxBytes: maxMessageBytes, maxRatio: limits.maxDecompressionRatio });
  account.hold(whole.byteLength);
  return whole;
}

export function sharedMemory({ memory, limits = DEFAULT_LIMITS }: GrpcServerOptions): BodyMemory {
  return memory ?? new BodyMemory(limits.maxBodyMemory);
}
