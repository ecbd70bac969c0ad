import { ServeError } from "../../../core/errors.ts";
import type { GrpcMethod } from "../../../core/grpc.ts";
import {
  CudaSharedMemoryRegisterRequestSchema,
  CudaSharedMemoryRegisterResponseSchema,
  CudaSharedMemoryStatusRequestSchema,
  CudaSharedMemoryStatusResponseSchema,
  CudaSharedMemoryUnregisterRequestSchema,
  CudaSharedMemoryUnregisterResponseSchema,
  SystemSharedMemoryRegisterRequestSchema,
  SystemSharedMemoryRegisterResponseSchema,
  SystemSharedMemoryStatusRequestSchema,
  SystemSharedMemoryStatusResponseSchema,
  SystemSharedMemoryUnregisterRequestSchema,
  SystemSharedMemoryUnregisterResponseSchema,
} from "./generated/open_inference_grpc_pb.ts";
import { typedMethod } from "./typed-method.ts";

const SERVICE = "/inference.GRPCInferenceService";

/** Triton's shared memory extensions. No client has a region here: none is listed, all can be taken back, and none be registered. */
export function createSharedMemoryMethods(): GrpcMethod[] {
  return [
    typedMethod({
      path: `${SERVICE}/SystemSharedMemoryStatus`,
      access: "infer",
      request: SystemSharedMemoryStatusRequestSchema,
      response: SystemSharedMemoryStatusResponseSchema,
      handle: ({ name }) => noRegions("system", name),
    }),
    typedMethod({
      path: `${SERVICE}/SystemSharedMemoryRegister`,
      access: "infer",
      request: SystemSharedMemoryRegisterRequestSchema,
      response: SystemSharedMemoryRegisterResponseSchema,
      handle: ({ name }) => {
        throw new ServeError("UNIMPLEMENTED", `failed to register shared memory region '${name}': this version serves no shared memory`);
      },
    }),
    typedMethod({
      path: `${SERVICE}/SystemSharedMemoryUnregister`,
      access: "infer",
      request: SystemSharedMemoryUnregisterRequestSchema,
      response: SystemSharedMemoryUnregisterResponseSchema,
      handle: () => ({}),
    }),
    typedMethod({
      path: `${SERVICE}/CudaSharedMemoryStatus`,
      access: "infer",
      request: CudaSharedMemoryStatusRequestSchema,
      response: CudaSharedMemoryStatusResponseSchema,
      handle: ({ name }) => noRegions("CUDA", name),
    }),
    typedMethod({
      path: `${SERVICE}/CudaSharedMemoryRegister`,
      access: "infer",
      request: CudaSharedMemoryRegisterRequestSchema,
      response: CudaSharedMemoryRegisterResponseSchema,
      handle: ({ name }) => {
        const text = "there is no CUDA device whose memory this server reads; send the tensors in the request";
        throw new ServeError("FAILED_PRECONDITION", `failed to register CUDA shared memory region '${name}': ${text}`);
      },
    }),
    typedMethod({
      path: `${SERVICE}/CudaSharedMemoryUnregister`,
      access: "infer",
      request: CudaSharedMemoryUnregisterRequestSchema,
      response: CudaSharedMemoryUnregisterResponseSchema,
      handle: () => ({}),
    }),
  ];
}

function noRegions(kind: "system" | "CUDA", name: string): { regions: Record<string, never> } {
  if (name === "") return { regions: {} };
  throw new ServeError("NOT_FOUND", `Unable to find ${kind} shared memory region: '${name}'`);
}
