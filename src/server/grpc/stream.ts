import type { RequestContext } from "../../core/context.ts";
import { ServeError } from "../../core/errors.ts";
import { nextTurn } from "../../core/turns.ts";
import type { FramedMessage } from "../../grpc-messages/index.ts";
import type { BodyMemory } from "../body-memory.ts";
import { DEFAULT_LIMITS } from "../limits.ts";
import { applyHeaders, grpcMillisecondsOf } from "../request-headers.ts";
import { Incoming } from "./incoming.ts";
import type { GrpcServerOptions } from "./options.ts";
import { type Begun, beginAnswer, beginRequest, deliver, endRequest, failureOf, type OpenCall, type Served } from "./serve-call.ts";

/** Requests of one stream that are under way at once; the client's next ones wait in its connection. */
const MAX_AT_ONCE = 64;
/** Answers of one stream after which others have their turn. */
const ANSWERS_A_TURN = 64;

interface Pending {
  readonly context: RequestContext;
  readonly message: FramedMessage;
  readonly begun: Promise<Begun>;
}

/** Requests with any number of answers each. They are begun as they come, and answered in their order, but for those that may overtake. */
export function serveStream(options: GrpcServerOptions, memory: BodyMemory, open: OpenCall): Served {
  const { call, method, headers, startedAt, contexts } = open;
  const { clock } = options;
  let beginning: Promise<unknown> = Promise.resolve();
  let answering = Promise.resolve();
  /** Have come, because many fit in one piece of what the network brings, and have not begun. */
  const waiting: FramedMessage[] = [];
  let pending = 0;
  let answered = 0;
  let complete = false;
  let callDeadline = Number.POSITIVE_INFINITY;
  let draining: ServeError | undefined;

  const failCall = (error: ServeError): void => {
    call.fail(error);
    incoming.stop();
    for (const message of waiting.splice(0)) message.account.release();
    for (const context of [...contexts]) context.abort(error);
  };
  const begin = async (context: RequestContext, message: FramedMessage): Promise<Begun> => {
    if (draining !== undefined) throw draining;
    if (call.ended) throw new ServeError("CANCELLED", "the stream has ended");
    context.dueBy(callDeadline);
    applyHeaders(headers, context);
    return await beginAnswer(options, open, context, message);
  };
  const answer = async ({ context, message, begun: coming }: Pending): Promise<void> => {
    let body: Uint8Array | undefined;
    try {
      const begun = await coming;
      body = begun.body;
      await deliver(open, begun);
    } catch (thrown) {
      const error = failureOf(options, headers, context, thrown);
      context.abort(error);
      // The time of the whole call is over: then the client sees no more of it than its status.
      const isOver = error.code === "DEADLINE_EXCEEDED" && context.deadline >= callDeadline;
      const told = isOver || call.ended || call.stream.destroyed ? undefined : method.fail?.(error, headers, context);
      if (told === undefined) failCall(error);
      else await call.send(told, message.account).catch((lost: unknown) => failCall(ServeError.from(lost)));
    } finally {
      message.account.release();
      endRequest(options, open, context, body);
      answered++;
      if (answered % ANSWERS_A_TURN === 0) await nextTurn();
      pending--;
      beginWaiting();
    }
  };
  /** Settles when the next request may be answered. */
  const answerInTurn = async (each: Pending): Promise<void> => {
    const begun = await each.begun.catch(() => undefined);
    const answered = answer(each);
    if (begun?.mayOvertake === undefined || !(await begun.mayOvertake)) await answered;
  };
  const beginWaiting = (): void => {
    while (pending < MAX_AT_ONCE) {
      const message = waiting.shift();
      if (message === undefined) break;
      pending++;
      const context = beginRequest(options, open, clock.now());
      const begun = beginning.then(() => begin(context, message));
      beginning = begun.catch(() => undefined);
      answering = answering.then(() => answerInTurn({ context, message, begun }));
    }
    if (pending >= MAX_AT_ONCE) call.stream.pause();
    else if (call.stream.isPaused()) call.stream.resume();
    if (pending > 0) return;
    if (draining !== undefined) failCall(draining);
    else if (complete) call.end();
  };
  const incoming = new Incoming({
    call,
    clock,
    memory,
    maxMessageBytes: options.maxMessageBytes,
    limits: options.limits ?? DEFAULT_LIMITS,
    single: method.streaming !== true,
    onMessage(message) {
      waiting.push(message);
      beginWaiting();
    },
    onEnd() {
      complete = true;
      if (pending === 0) call.end();
    },
    onFail: failCall,
  });
  const timeout = headers["grpc-timeout"];
  if (timeout !== undefined) {
    try {
      const whole = grpcMillisecondsOf(timeout);
      callDeadline = startedAt + whole;
      incoming.limitTime(whole);
    } catch (thrown) {
      failCall(failureOf(options, headers, undefined, thrown));
    }
  }
  return {
    sweep: (now) => incoming.sweep(now),
    drain() {
      draining = new ServeError("UNAVAILABLE", "the server is shutting down", { retryAfter: 1, refusal: "shutting_down" });
      if (pending === 0) failCall(draining);
    },
    endOpenEnded(reason) {
      if (method.openEnded === true) failCall(reason);
    },
  };
}
