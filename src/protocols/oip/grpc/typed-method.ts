import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { Access } from "../../../core/access.ts";
import type { GrpcCall, GrpcMethod, GrpcRequest } from "../../../core/grpc.ts";
import type { Target } from "../../../core/inference.ts";
import { readMessage, writeMessage } from "../../../grpc-messages/index.ts";

/** A call whose messages are read and written by generated code. */
export interface TypedMethod<Request extends DescMessage, Response extends DescMessage, Wanted extends Target | undefined> {
  /** Such as "/inference.GRPCInferenceService/ServerLive". */
  readonly path: string;
  readonly access: Access;
  readonly request: Request;
  readonly response: Response;
  /** The one model that the request names; undefined when it is about none, or all. @throws ServeError */
  readonly target?: (request: MessageShape<Request>, call: GrpcCall) => Wanted;
  readonly handle: (
    request: MessageShape<Request>,
    call: GrpcCall,
    target: Wanted,
  ) => MessageInitShape<Response> | Promise<MessageInitShape<Response>>;
}

export function typedMethod<Request extends DescMessage, Response extends DescMessage, Wanted extends Target | undefined = undefined>(
  method: TypedMethod<Request, Response, Wanted>,
): GrpcMethod {
  const { path, access, target: targetOf, handle } = method;
  return {
    path,
    access,
    aboutModel: targetOf !== undefined,
    read(bytes, call): GrpcRequest {
      const request = readMessage(method.request, bytes);
      const target = targetOf?.(request, call) as Wanted;
      const answer = async () => [writeMessage(method.response, await handle(request, call, target))];
      return target === undefined ? { answer } : { target, answer };
    },
  };
}
