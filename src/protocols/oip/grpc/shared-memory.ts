import type { ClientMemory } from "../../../core/client-memory.ts";
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
} from "../../../grpc-messages/index.ts";
import { noCudaDevice } from "../extensions/shared-memory.ts";
import { SERVICE } from "./target.ts";
import { typedMethod } from "./typed-method.ts";

/** Triton's shared memory extensions: regions of the same machine's memory, and of a GPU's, of which there never are any. */
export function createSharedMemoryMethods(memory: ClientMemory): GrpcMethod[] {
  return [
    typedMethod({
      path: `${SERVICE}/SystemSharedMemoryStatus`,
      access: "read",
      request: SystemSharedMemoryStatusRequestSchema,
      response: SystemSharedMemoryStatusResponseSchema,
      handle({ name }, { context }) {
        const regions = memory.status(given(name), context.principal);
        return {
          regions: Object.fromEntries(
            regions.map((region) => [region.name, { ...region, offset: BigInt(region.offset), byteSize: BigInt(region.byteSize) }]),
          ),
        };
      },
    }),
    typedMethod({
      path: `${SERVICE}/SystemSharedMemoryRegister`,
      // To register one is a part of asking for an inference.
      access: "infer",
      request: SystemSharedMemoryRegisterRequestSchema,
      response: SystemSharedMemoryRegisterResponseSchema,
      async handle({ name, key, offset, byteSize }, { context }) {
        await memory.register({ name, key, offset: Number(offset), byteSize: Number(byteSize) }, context.principal);
        return {};
      },
    }),
    typedMethod({
      path: `${SERVICE}/SystemSharedMemoryUnregister`,
      access: "infer",
      request: SystemSharedMemoryUnregisterRequestSchema,
      response: SystemSharedMemoryUnregisterResponseSchema,
      handle({ name }, { context }) {
        memory.unregister(given(name), context.principal);
        return {};
      },
    }),
    typedMethod({
      path: `${SERVICE}/CudaSharedMemoryStatus`,
      access: "read",
      request: CudaSharedMemoryStatusRequestSchema,
      response: CudaSharedMemoryStatusResponseSchema,
      handle({ name }) {
        if (name === "") return {};
        throw new ServeError("NOT_FOUND", `Unable to find cuda shared memory region: '${name}'`);
      },
    }),
    typedMethod({
      path: `${SERVICE}/CudaSharedMemoryRegister`,
      access: "infer",
      request: CudaSharedMemoryRegisterRequestSchema,
      response: CudaSharedMemoryRegisterResponseSchema,
      handle({ name }) {
        throw noCudaDevice(name);
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

/** An empty name means all. */
function given(name: string): string | undefined {
  return name === "" ? undefined : name;
}
