import type { RequestContext } from "../../core/context.ts";
import { ServeError } from "../../core/errors.ts";
import type { BodyMemory } from "../body-memory.ts";
import { DEFAULT_LIMITS } from "../limits.ts";
import { applyHeaders, grpcMillisecondsOf } from "../request-headers.ts";
import { Incoming } from "./incoming.ts";
import type { FramedMessage } from "./messages.ts";
import type { GrpcServerOptions } from "./options.ts";
import { type Begun, beginAnswer, beginRequest, deliver, endRequest, failureOf, type OpenCall, type Served } from "./serve-call.ts";

/** Requests of one stream that are under way at once; the client's next ones wait in its connection. */
const MAX_AT_ONCE = 64;

interface Pending {
  readonly context: RequestContext;
  readonly message: FramedMessage;
  readonly begun: Promise<Begun>;
}

/** Requests with any number of answers each. They are begun as they come, and answered in their order. */
export function serveStream(options: GrpcServerOptions, memory: BodyMemory, open: OpenCall): Served {
  const { call, method, headers, startedAt, contexts } = open;
  const { clock } = options;
  let beginning: Promise<unknown> = Promise.resolve();
  let answering = Promise.resolve();
  let pending = 0;
  let callDeadline = Number.POSITIVE_INFINITY;
  let draining: ServeError | undefined;

  const failCall = (error: ServeError): void => {
    call.fail(error);
    incoming.stop();
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
      pending--;
      if (pending < MAX_AT_ONCE && call.stream.isPaused()) call.stream.resume();
      if (pending === 0 && draining !== undefined) failCall(draining);
    }
  };
  const incoming = new Incoming({
    call,
    clock,
    memory,
    maxMessageBytes: options.maxMessageBytes,
    limits: options.limits ?? DEFAULT_LIMITS,
    single: method.streaming !== true,
    onMessage(message) {
      pending++;
      if (pending >= MAX_AT_ONCE) call.stream.pause();
      const context = beginRequest(options, open, clock.now());
      const begun = beginning.then(() => begin(context, message));
      beginning = begun.catch(() => undefined);
      answering = answering.then(() => answer({ context, message, begun }));
    },
    onEnd: () => void answering.then(() => call.end()),
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
