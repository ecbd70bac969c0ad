import { Server, ServerCredentials } from "@grpc/grpc-js";
import { systemClock } from "../src/core/clock.ts";
import { createEvents } from "../src/core/events.ts";
import type { ControlPlane, DataPlane } from "../src/core/planes.ts";
import { createOipMethods } from "../src/protocols/oip/grpc/index.ts";
import { createGrpcServer } from "../src/server/index.ts";
import { testExtensions } from "../test/oip-extensions.ts";

/** Answers ModelInfer with its own tensors: `ours` with everything but a model, `grpc-js` with the bytes that came. Prints its port. */
const MAX_BYTES = 64 * 1024 * 1024;
const print = (port: number): void => void process.stdout.write(`${port}\n`);

if (process.argv[2] === "ours") {
  const dataPlane: DataPlane = {
    admit: () => undefined,
    infer: async ({ payload }) => ({ modelName: "echo", modelVersion: "1", modelId: "1", output: payload }),
    passes: () => false,
    signature: () => Promise.reject(new Error("not asked for")),
  };
  const server = createGrpcServer({
    methods: createOipMethods({
      dataPlane,
      controlPlane: {} as ControlPlane,
      memory: {} as never,
      clock: systemClock,
      serverName: "bench",
      serverVersion: "1",
      extensions: testExtensions(),
    }),
    guard: () => "",
    clock: systemClock,
    events: createEvents(),
    maxMessageBytes: MAX_BYTES,
    requestTimeoutMs: 60_000,
    onFault: (error) => console.error(error),
  });
  print(await server.listen(0, "127.0.0.1"));
} else {
  const server = new Server({ "grpc.max_receive_message_length": MAX_BYTES, "grpc.max_send_message_length": MAX_BYTES });
  const same = (bytes: Buffer): Buffer => bytes;
  const serializers = { requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same };
  const path = "/inference.GRPCInferenceService/ModelInfer";
  server.addService(
    { ModelInfer: { path, requestStream: false, responseStream: false, ...serializers } },
    { ModelInfer: (call: { request: Buffer }, answer: (error: null, value: Buffer) => void) => answer(null, call.request) },
  );
  server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (_error, port) => print(port));
}
