import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { messageOf, ServeError } from "../../../core/errors.ts";
import { readMessage, writeMessage } from "../../../grpc-messages/index.ts";
import { callOnce } from "./call.ts";
import type { Channel } from "./channel.ts";

/** One call whose messages are read and written by generated code. @throws ServeError as the server says */
export type Ask = <Request extends DescMessage, Response extends DescMessage>(
  method: string,
  schemas: { readonly request: Request; readonly response: Response },
  request: MessageInitShape<Request>,
  signal: AbortSignal,
) => Promise<MessageShape<Response>>;

export function askThrough(channel: Channel): Ask {
  return async (method, schemas, request, signal) => {
    const message = [writeMessage(schemas.request, request)];
    const bytes = await callOnce(channel, { path: pathOf(method), message, headers: {}, timeoutMs: undefined, signal });
    return understood(() => readMessage(schemas.response, bytes));
  };
}

/** Of a method of the Open Inference Protocol's service. */
export function pathOf(method: string): string {
  return `/inference.GRPCInferenceService/${method}`;
}

/** What cannot be read is the server's fault, and no client's. */
export function understood<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    throw new ServeError("INTERNAL", `the answer of the model's server cannot be read: ${messageOf(error)}`, { cause: error });
  }
}
