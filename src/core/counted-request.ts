import type { Clock } from "./clock.ts";
import type { RequestContext } from "./context.ts";
import { ServeError } from "./errors.ts";
import type { Events } from "./events.ts";
import { type InferResponse, isStream, type Payload } from "./inference.ts";

/**
 * Answers a request that no protocol has brought, and has it counted like any other: when it has been answered, or its stream has ended.
 * @throws ServeError what `answer` throws, or why the request was given up
 */
export async function countedRequest<Response extends InferResponse>(
  { events, clock }: { readonly events: Pick<Events, "emit">; readonly clock: Pick<Clock, "now"> },
  context: RequestContext,
  answer: () => Promise<Response>,
): Promise<Response> {
  const { record } = context;
  const finish = (): void => {
    record.finishedAt = clock.now();
    events.emit("request-finished", record);
  };
  const fail = (thrown: unknown): ServeError => {
    const error = ServeError.from(context.aborted ?? thrown);
    record.outcome = error.code;
    record.refusal = error.refusal;
    finish();
    return error;
  };
  events.emit("request-started", record);
  let response: Response;
  try {
    response = await answer();
  } catch (error) {
    throw fail(error);
  }
  if (isStream(response.output)) return { ...response, output: counted(response.output, finish, fail) };
  finish();
  return response;
}

async function* counted(
  payloads: AsyncIterable<Payload>,
  finish: () => void,
  fail: (thrown: unknown) => ServeError,
): AsyncGenerator<Payload, void, undefined> {
  let settled = false;
  try {
    yield* payloads;
    settled = true;
    finish();
  } catch (error) {
    settled = true;
    throw fail(error);
  } finally {
    // Whoever stops reading has gone away.
    if (!settled) fail(new ServeError("CANCELLED", "nobody reads the stream any more"));
  }
}
