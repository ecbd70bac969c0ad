import { createServer as createHttpServer } from "node:http";
import { connect as connectTcp, createServer as createTcpServer, type Socket } from "node:net";
import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  type Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { afterEach, describe, expect, it } from "vitest";
import { callOrigin } from "../../../../test/call-origin.ts";
import { FakeClock } from "../../../../test/fake-clock.ts";
import { systemClock } from "../../../core/clock.ts";
import { ServeError } from "../../../core/errors.ts";
import type { Payload } from "../../../core/inference.ts";
import { elementsOf, type Tensor } from "../../../core/tensor.ts";
import {
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
  ModelConfigResponseSchema,
  ModelInferRequestSchema,
  ModelInferResponseSchema,
  ModelMetadataResponseSchema,
  ModelStreamInferResponseSchema,
  RepositoryIndexResponseSchema,
  RepositoryModelLoadRequestSchema,
  RepositoryModelLoadResponseSchema,
  ServerMetadataResponseSchema,
} from "../../../grpc-messages/index.ts";
import type { UpstreamClient } from "../client.ts";
import { ConnectionLostError } from "../connection-lost.ts";
import { checkHealth, createGrpcClient } from "./index.ts";

type Unary = (request: Uint8Array, call: ServerUnaryCall<Buffer, Buffer>) => Uint8Array | Promise<Uint8Array>;
type Streamed = (call: ServerDuplexStream<Buffer, Buffer>) => void;

const SERVICE = "/inference.GRPCInferenceService";
const ends: Array<() => void> = [];

afterEach(() => {
  for (const end of ends.splice(0)) end();
});

const identity = (bytes: Buffer): Buffer => bytes;

/** A server of grpc-js, which knows nothing of this repository's messages. */
async function serve(unary: Readonly<Record<string, Unary>>, streamed: Readonly<Record<string, Streamed>> = {}): Promise<number> {
  const server = new Server({ "grpc.max_receive_message_length": -1 });
  const form = { requestSerialize: identity, requestDeserialize: identity, responseSerialize: identity, responseDeserialize: identity };
  for (const [path, handle] of Object.entries(unary)) {
    server.addService(
      { method: { path, requestStream: false, responseStream: false, ...form } },
      {
        method: (call: ServerUnaryCall<Buffer, Buffer>, answer: (error: Partial<ServiceError> | null, bytes?: Buffer) => void) => {
          Promise.resolve()
            .then(() => handle(call.request, call))
            .then(
              (bytes) => answer(null, Buffer.from(bytes)),
              (error: Partial<ServiceError>) => answer(error),
            );
        },
      },
    );
  }
  for (const [path, handle] of Object.entries(streamed)) {
    server.addService({ method: { path, requestStream: true, responseStream: true, ...form } }, { method: handle });
  }
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  ends.push(() => server.forceShutdown());
  return port;
}

const connections: Socket[] = [];

function connectTo(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp(port, "127.0.0.1");
    connections.push(socket);
    socket.once("connect", () => resolve(socket));
    socket.once("error", reject);
  });
}

function clientOf(port: number, clock = systemClock): UpstreamClient {
  connections.length = 0;
  const options = { connect: connectTo, port, model: "iris", authority: `127.0.0.1:${port}`, prefix: "", clock, concurrency: 4 };
  const client = createGrpcClient(options);
  ends.push(() => client.close());
  return client;
}

const never = new AbortController().signal;
const bytesOf = <Desc extends DescMessage>(schema: Desc, message: MessageInitShape<Desc>): Uint8Array =>
  toBinary(schema, create(schema, message));
const floats = (name: string, ...values: number[]): Tensor => ({
  name,
  datatype: "FP32",
  shape: [values.length],
  data: new Uint8Array(Float32Array.from(values).buffer),
});
const tensors = (...list: Tensor[]): Payload => ({ kind: "tensors", tensors: list });
const failure = async (work: Promise<unknown>): Promise<ServeError> => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ServeError);
  return error as ServeError;
};

describe("ModelInfer", () => {
  it("asks with raw contents, outputs and parameters, and reads raw and typed answers", async () => {
    let metadata: Metadata | undefined;
    const port = await serve({
      [`${SERVICE}/ModelInfer`]: (bytes, call) => {
        metadata = call.metadata;
        const request = fromBinary(ModelInferRequestSchema, bytes);
        expect(request).toMatchObject({
          modelName: "iris",
          outputs: [{ name: "y" }],
          inputs: [
            { name: "x", datatype: "FP32", shape: [2n] },
            { name: "t", datatype: "BYTES", shape: [1n] },
          ],
        });
        expect(request.parameters.flag?.parameterChoice).toEqual({ case: "boolParam", value: true });
        expect([...request.rawInputContents.map((each) => [...each])]).toEqual([
          [0, 0, 128, 63, 0, 0, 0, 64],
          [2, 0, 0, 0, 104, 105],
        ]);
        const outputs = [{ name: "y", datatype: "INT32", shape: [2n], contents: { intContents: [7, -8] } }];
        return bytesOf(ModelInferResponseSchema, { modelName: "iris", outputs });
      },
    });
    const text: Tensor = { name: "t", datatype: "BYTES", shape: [1], data: [Buffer.from("hi")] };
    const headers = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", authorization: "Bearer secret" };
    const call = {
      method: "predict",
      payload: tensors(floats("x", 1, 2), text),
      outputs: ["y"],
      parameters: { flag: true },
      origin: callOrigin({ headers, deadline: 60_000 }),
    };
    const answer = await clientOf(port, new FakeClock()).infer(call, never);
    expect(answer).toEqual(tensors({ name: "y", datatype: "INT32", shape: [2], data: new Uint8Array(Int32Array.of(7, -8).buffer) }));
    expect(metadata?.get("traceparent")).toEqual([headers.traceparent]);
    expect(metadata?.get("authorization")).toEqual([]);
  });

  it("tells the server how much time is left", async () => {
    let left = 0;
    const port = await serve({
      [`${SERVICE}/ModelInfer`]: (_, call) => {
        left = Number(call.getDeadline()) - Date.now();
        return new Uint8Array(0);
      },
    });
    const clock = new FakeClock();
    const call = { method: "predict", payload: tensors(), origin: callOrigin({ deadline: clock.now() + 3_600_000 }) };
    await clientOf(port, clock).infer(call, never);
    expect(left).toBeGreaterThan(3_000_000);
    expect(left).toBeLessThanOrEqual(3_600_000);
  });

  it.each([
    [status.INVALID_ARGUMENT, "INVALID_ARGUMENT", "unexpected inference input 'z' — really"],
    [status.NOT_FOUND, "NOT_FOUND", "Request for unknown model"],
    [status.UNAVAILABLE, "UNAVAILABLE", "100% busy"],
    [status.DATA_LOSS, "DATA_LOSS", "lost"],
  ])("has status %i as %s with the server's words", async (code, expected, details) => {
    const port = await serve({ [`${SERVICE}/ModelInfer`]: () => Promise.reject({ code, details }) });
    const error = await failure(clientOf(port).infer({ method: "predict", payload: tensors() }, never));
    expect([error.code, error.message]).toEqual([expected, details]);
  });

  it("cancels the call at the server", async () => {
    const controller = new AbortController();
    let cancelled = (): void => undefined;
    const seen = new Promise<void>((resolve) => {
      cancelled = resolve;
    });
    const port = await serve({
      [`${SERVICE}/ModelInfer`]: (_, call) => {
        call.on("cancelled", () => cancelled());
        controller.abort(new ServeError("CANCELLED", "the client went away"));
        return new Promise(() => undefined);
      },
    });
    const error = await failure(clientOf(port).infer({ method: "predict", payload: tensors() }, controller.signal));
    expect(error.message).toBe("the client went away");
    await seen;
  });

  it("sends and reads many megabytes", async () => {
    const port = await serve({
      [`${SERVICE}/ModelInfer`]: (bytes) => {
        const { inputs, rawInputContents } = fromBinary(ModelInferRequestSchema, bytes);
        const outputs = inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape }));
        return bytesOf(ModelInferResponseSchema, { outputs, rawOutputContents: rawInputContents });
      },
    });
    const data = new Uint8Array(24 * 1024 * 1024).map((_, index) => index % 251);
    const large: Tensor = { name: "x", datatype: "UINT8", shape: [data.length], data };
    const answer = await clientOf(port).infer({ method: "predict", payload: tensors(large) }, never);
    const [output] = answer.kind === "tensors" ? answer.tensors : [];
    expect(Buffer.compare(output?.data as Uint8Array, data)).toBe(0);
  });

  it("uses one connection for all calls, and a new one when that has ended", async () => {
    const port = await serve({ [`${SERVICE}/ModelInfer`]: () => new Uint8Array(0) });
    const client = clientOf(port);
    const call = { method: "predict", payload: tensors() };
    await Promise.all([client.infer(call, never), client.infer(call, never), client.infer(call, never)]);
    await client.infer(call, never);
    expect(connections).toHaveLength(1);
    const gone = new Promise((resolve) => connections[0]?.once("close", resolve));
    connections[0]?.destroy();
    await gone;
    await client.infer(call, never);
    expect(connections).toHaveLength(2);
  });

  it("says that the connection ended under a call", async () => {
    const port = await serve({
      [`${SERVICE}/ModelInfer`]: () => {
        connections[0]?.destroy();
        return new Promise(() => undefined);
      },
    });
    const error = await failure(clientOf(port).infer({ method: "predict", payload: tensors() }, never));
    expect(error).toBeInstanceOf(ConnectionLostError);
  });

  it("knows a port of something else", async () => {
    const http = createHttpServer((_, reply) => reply.end("hello"));
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    ends.push(() => http.close());
    const address = http.address();
    const port = typeof address === "object" ? (address?.port ?? 0) : 0;
    const error = await failure(clientOf(port).infer({ method: "predict", payload: tensors() }, never));
    expect([error.code, error.message]).toEqual(["INTERNAL", expect.stringContaining("is that port its gRPC port?")]);
  });

  it("says that nobody listens", async () => {
    const closed = createTcpServer();
    await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
    const address = closed.address();
    const port = typeof address === "object" ? (address?.port ?? 0) : 0;
    await new Promise((resolve) => closed.close(resolve));
    const error = await failure(clientOf(port).infer({ method: "predict", payload: tensors() }, never));
    expect([error.code, error.retryAfter]).toEqual(["UNAVAILABLE", 1]);
  });

  it("says that an answer cannot be read, and that it is the server's fault", async () => {
    const outputs = [{ name: "y", datatype: "FP32", shape: [2n] }];
    const answer = bytesOf(ModelInferResponseSchema, { outputs, rawOutputContents: [new Uint8Array(4)] });
    const port = await serve({ [`${SERVICE}/ModelInfer`]: () => answer });
    const error = await failure(clientOf(port).infer({ method: "predict", payload: tensors() }, never));
    expect(error.code).toBe("INTERNAL");
    expect(error.message).toContain("output byte size mismatch for output 'y'");
  });
});

describe("ModelStreamInfer", () => {
  const piece = (value: number): Uint8Array =>
    bytesOf(ModelStreamInferResponseSchema, {
      inferResponse: { outputs: [{ name: "y", datatype: "INT64", shape: [1n], contents: { int64Contents: [BigInt(value)] } }] },
    });
  const stream = (port: number, signal = never): AsyncIterable<Payload> =>
    clientOf(port).stream({ method: "predict", payload: tensors(floats("x", 1)) }, signal);

  it("gives pieces as they come, without those that only say that it is over", async () => {
    const streamed: Streamed = (call) => {
      call.on("data", () => {
        call.write(Buffer.from(piece(1)));
        call.write(Buffer.from(piece(2)));
        call.write(Buffer.from(bytesOf(ModelStreamInferResponseSchema, { inferResponse: { modelName: "iris" } })));
      });
      call.on("end", () => call.end());
    };
    const port = await serve({}, { [`${SERVICE}/ModelStreamInfer`]: streamed });
    const values: number[] = [];
    for await (const payload of stream(port)) {
      const [output] = payload.kind === "tensors" ? payload.tensors : [];
      if (output !== undefined && output.datatype !== "BYTES") values.push(...[...elementsOf(output)].map(Number));
    }
    expect(values).toEqual([1, 2]);
  });

  it("ends with the error that comes in a piece, or as the status", async () => {
    const inPiece = await serve(
      {},
      {
        [`${SERVICE}/ModelStreamInfer`]: (call) => {
          call.write(Buffer.from(bytesOf(ModelStreamInferResponseSchema, { errorMessage: "no such token" })));
          call.end();
        },
      },
    );
    const drain = async (port: number): Promise<void> => {
      for await (const _ of stream(port));
    };
    expect((await failure(drain(inPiece))).message).toBe("no such token");
    const asStatus = await serve(
      {},
      {
        [`${SERVICE}/ModelStreamInfer`]: (call) => {
          expect(call.metadata.get("triton_grpc_error")).toEqual(["true"]);
          call.emit("error", { code: status.RESOURCE_EXHAUSTED, details: "queue is full" });
        },
      },
    );
    expect(await failure(drain(asStatus))).toMatchObject({ code: "RESOURCE_EXHAUSTED", message: "queue is full" });
  });

  it("does not read what nobody takes, and cancels what nobody takes any more", async () => {
    let written = 0;
    let cancelled = (): void => undefined;
    const seen = new Promise<void>((resolve) => {
      cancelled = resolve;
    });
    const large = Buffer.from(
      bytesOf(ModelStreamInferResponseSchema, {
        inferResponse: {
          outputs: [{ name: "y", datatype: "UINT8", shape: [256n * 1024n] }],
          rawOutputContents: [new Uint8Array(256 * 1024)],
        },
      }),
    );
    const port = await serve(
      {},
      {
        [`${SERVICE}/ModelStreamInfer`]: (call) => {
          call.on("cancelled", () => cancelled());
          const fill = (): void => {
            while (written < 1000) {
              written++;
              if (!call.write(large)) {
                call.once("drain", fill);
                return;
              }
            }
            call.end();
          };
          fill();
        },
      },
    );
    const iterator = stream(port)[Symbol.asyncIterator]();
    expect((await iterator.next()).done).toBe(false);
    // Until the server stands still.
    for (let before = -1; before !== written; ) {
      before = written;
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(written).toBeLessThan(100);
    await iterator.return?.();
    await seen;
  });
});

describe("what a server tells of itself", () => {
  it("is the signature with optional inputs and streams, its name and its version", async () => {
    const x = { name: "x", datatype: "FP32", shape: [-1n, 4n] };
    const port = await serve({
      [`${SERVICE}/ModelMetadata`]: () =>
        bytesOf(ModelMetadataResponseSchema, {
          name: "iris",
          platform: "onnx",
          inputs: [x, { ...x, name: "mask" }],
          outputs: [{ ...x, name: "y" }],
        }),
      [`${SERVICE}/ServerMetadata`]: () => bytesOf(ServerMetadataResponseSchema, { name: "triton", version: "2.51.0" }),
      [`${SERVICE}/ModelConfig`]: () =>
        bytesOf(ModelConfigResponseSchema, {
          config: { input: [{ name: "mask", optional: true }], modelTransactionPolicy: { decoupled: true } },
        }),
    });
    const input = { name: "x", datatype: "FP32", shape: [-1, 4] };
    expect(await clientOf(port).describe(never)).toEqual({
      signature: {
        accepts: "tensors",
        inputs: [input, { ...input, name: "mask", optional: true }],
        outputs: [{ ...input, name: "y" }],
        streaming: true,
      },
      platform: "triton",
      version: "2.51.0",
    });
  });

  it("may be less", async () => {
    const port = await serve({
      [`${SERVICE}/ModelMetadata`]: () => bytesOf(ModelMetadataResponseSchema, { name: "iris", platform: "mine" }),
    });
    expect(await clientOf(port).describe(never)).toEqual({
      signature: { accepts: "json", inputs: [], outputs: [] },
      platform: "mine",
      version: "",
    });
  });
});

describe("the repository", () => {
  it("loads by Triton's and by KServe's form of the same call", async () => {
    const asked: string[][] = [];
    const load =
      (form: "triton" | "kserve"): Unary =>
      (bytes) => {
        const { repositoryName, modelName } = fromBinary(RepositoryModelLoadRequestSchema, bytes);
        asked.push([repositoryName, modelName]);
        if (form === "triton") {
          if (repositoryName !== "")
            return Promise.reject({ code: status.UNIMPLEMENTED, details: "'repository_name' specification is not supported" });
          if (modelName === "bad") return Promise.reject({ code: status.INVALID_ARGUMENT, details: "failed to load 'bad'" });
          return new Uint8Array(0);
        }
        if (repositoryName === "") return Promise.reject({ code: status.NOT_FOUND, details: "Model with name  does not exist." });
        return bytesOf(RepositoryModelLoadResponseSchema, { modelName: repositoryName, isLoaded: true });
      };
    const triton = clientOf(await serve({ [`${SERVICE}/RepositoryModelLoad`]: load("triton") }));
    await triton.repository?.load("iris", never);
    expect((await failure(triton.repository?.load("bad", never) as Promise<void>)).message).toBe("failed to load 'bad'");
    expect(asked.splice(0)).toEqual([
      ["", "iris"],
      ["", "bad"],
      ["bad", ""],
    ]);
    const kserve = clientOf(await serve({ [`${SERVICE}/RepositoryModelLoad`]: load("kserve") }));
    await kserve.repository?.load("iris", never);
    expect(asked).toEqual([
      ["", "iris"],
      ["iris", ""],
    ]);
  });

  it("lists what is loaded", async () => {
    const models = [
      { name: "a", state: "READY" },
      { name: "a", version: "2", state: "READY" },
      { name: "b", state: "UNAVAILABLE" },
      { name: "c" },
    ];
    const port = await serve({ [`${SERVICE}/RepositoryIndex`]: () => bytesOf(RepositoryIndexResponseSchema, { models }) });
    expect(await clientOf(port).repository?.list(never)).toEqual(["a", "c"]);
  });
});

it("checks the health of a service", async () => {
  const port = await serve({
    "/grpc.health.v1.Health/Check": (bytes) => {
      const { service } = fromBinary(HealthCheckRequestSchema, bytes);
      if (service === "unknown") return Promise.reject({ code: status.NOT_FOUND, details: "unknown service" });
      return bytesOf(HealthCheckResponseSchema, { status: service === "" ? 1 : 2 });
    },
  });
  expect(await checkHealth(connectTo, port, "", never)).toBe("SERVING");
  expect(await checkHealth(connectTo, port, "slow", never)).toBe("NOT_SERVING");
  expect((await failure(checkHealth(connectTo, port, "unknown", never))).code).toBe("NOT_FOUND");
});
