import { ServeError } from "../../core/errors.ts";
import type { FramedMessage } from "../../grpc-messages/index.ts";
import type { BodyMemory } from "../body-memory.ts";
import { DEFAULT_LIMITS } from "../limits.ts";
import { applyHeaders } from "../request-headers.ts";
import { Incoming } from "./incoming.ts";
import type { GrpcServerOptions } from "./options.ts";
import { beginAnswer, beginRequest, deliver, endRequest, failureOf, type OpenCall, type Served } from "./serve-call.ts";

/** One request and one answer. */
export function serveUnary(options: GrpcServerOptions, memory: BodyMemory, open: OpenCall): Served {
  const { call, headers, startedAt } = open;
  const context = beginRequest(options, open, startedAt);
  let message: FramedMessage | undefined;
  let body: Uint8Array | undefined;
  let done = false;
  const finish = (): void => {
    done = true;
    incoming.stop();
    message?.account.release();
    endRequest(options, open, context, body);
  };
  const fail = (thrown: unknown): void => {
    if (done) return;
    const error = failureOf(options, headers, context, thrown);
    context.abort(error);
    call.fail(error);
    finish();
  };
  const answer = async (received: FramedMessage): Promise<void> => {
    try {
      const begun = await beginAnswer(options, open, context, received);
      body = begun.body;
      await deliver(open, begun);
      if (!done) finish();
    } catch (thrown) {
      fail(thrown);
    }
  };
  const incoming = new Incoming({
    call,
    clock: options.clock,
    memory,
    maxMessageBytes: options.maxMessageBytes,
    limits: options.limits ?? DEFAULT_LIMITS,
    single: true,
    onMessage(received) {
      if (message === undefined) message = received;
      else fail(new ServeError("INTERNAL", "the call takes one message, and more came"));
    },
    onEnd() {
      if (message === undefined) fail(new ServeError("INTERNAL", "the call takes one message, and none came"));
      else void answer(message);
    },
    onFail: fail,
  });
  try {
    applyHeaders(headers, context);
    if (headers["grpc-timeout"] !== undefined) incoming.limitTime(context.deadline - startedAt);
  } catch (thrown) {
    fail(thrown);
  }
  return { sweep: (now) => incoming.sweep(now), drain: () => undefined, endOpenEnded: () => undefined };
}
