import { type DescFile, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { CODES } from "../../../core/errors.ts";
import type { GrpcMethod } from "../../../core/grpc.ts";
import {
  file_health,
  file_model_config,
  file_open_inference_grpc,
  file_reflection_v1,
  file_reflection_v1alpha,
  readMessage,
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
  writeMessage,
} from "../../../grpc-messages/index.ts";

const FILES: readonly DescFile[] = [file_open_inference_grpc, file_model_config, file_health, file_reflection_v1, file_reflection_v1alpha];

/** Full names of the services. */
export const SERVICES: readonly string[] = FILES.flatMap((file) => file.services.map(({ typeName }) => typeName));

type Request = ServerReflectionRequest["messageRequest"];
type Answer = Exclude<Parameters<typeof writeMessage<typeof ServerReflectionResponseSchema>>[1]["messageResponse"], undefined>;

/** Tells clients which services there are and what their messages look like: v1, and v1alpha, which has the same messages. */
export function createReflectionMethods(): GrpcMethod[] {
  const symbols = new Map<string, DescFile>();
  for (const file of FILES) {
    for (const symbol of [...file.services, ...file.messages.flatMap(allOf), ...file.enums]) symbols.set(symbol.typeName, file);
    for (const service of file.services) {
      for (const method of service.methods) symbols.set(`${service.typeName}.${method.name}`, file);
    }
  }
  return ["v1", "v1alpha"].map((version) => ({
    path: `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
    access: "read",
    streaming: true,
    read(bytes) {
      const request = readMessage(ServerReflectionRequestSchema, bytes);
      const messageResponse = answerTo(request.messageRequest, symbols);
      return {
        answer: () => [
          writeMessage(ServerReflectionResponseSchema, { validHost: request.host, originalRequest: request, messageResponse }),
        ],
      };
    },
  }));
}

function allOf(message: DescFile["messages"][number]): Array<{ readonly typeName: string }> {
  return [message, ...message.nestedEnums, ...message.nestedMessages.flatMap(allOf)];
}

function answerTo(request: Request, symbols: ReadonlyMap<string, DescFile>): Answer {
  switch (request.case) {
    case "listServices":
      return { case: "listServicesResponse", value: { service: SERVICES.map((name) => ({ name })) } };
    case "fileByFilename":
      return fileAnswer(
        FILES.find(({ proto }) => proto.name === request.value),
        request.value,
      );
    case "fileContainingSymbol":
      return fileAnswer(symbols.get(request.value), request.value);
    case "allExtensionNumbersOfType":
      if (!symbols.has(request.value)) return failure("NOT_FOUND", request.value);
      return { case: "allExtensionNumbersResponse", value: { baseTypeName: request.value } };
    case "fileContainingExtension":
      return failure("NOT_FOUND", `extension ${request.value.extensionNumber} of ${request.value.containingType}`);
    default:
      return failure("INVALID_ARGUMENT", "the request asks for nothing");
  }
}

/** The file, and before those that use it those that it uses. */
function fileAnswer(file: DescFile | undefined, name: string): Answer {
  if (file === undefined) return failure("NOT_FOUND", name);
  const files = [file, ...file.dependencies];
  return {
    case: "fileDescriptorResponse",
    value: { fileDescriptorProto: files.map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto)) },
  };
}

function failure(code: "NOT_FOUND" | "INVALID_ARGUMENT", what: string): Answer {
  const errorMessage = code === "NOT_FOUND" ? `not found: ${what.slice(0, 200)}` : what;
  return { case: "errorResponse", value: { errorCode: CODES.indexOf(code) + 1, errorMessage } };
}
