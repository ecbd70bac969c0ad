import { readFileSync } from "node:fs";
import { create, type DescMessage, fromBinary, type MessageInitShape, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { FakeClock } from "../../../../test/fake-clock.ts";
import { testExtensions } from "../../../../test/oip-extensions.ts";
import type { ClientMemory } from "../../../core/client-memory.ts";
import { createRecord, RequestContext } from "../../../core/context.ts";
import { ServeError } from "../../../core/errors.ts";
import type { GrpcMessage, GrpcRequest } from "../../../core/grpc.ts";
import type { InferRequest, Payload } from "../../../core/inference.ts";
import type { ControlPlane, DataPlane } from "../../../core/planes.ts";
import {
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
  HealthListRequestSchema,
  HealthListResponseSchema,
  ModelConfigRequestSchema,
  ModelConfigResponseSchema,
  ModelInferRequestSchema,
  ModelInferResponseSchema,
  ModelStreamInferResponseSchema,
  RepositoryModelLoadRequestSchema,
  RepositoryModelLoadResponseSchema,
  ServerReadyRequestSchema,
  ServerReadyResponseSchema,
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
} from "../../../grpc-messages/index.ts";
import type { Extensions } from "../extensions/extensions.ts";
import { createOipMethods } from "./index.ts";

const SERVICE = "/inference.GRPCInferenceService";
const tensors: Payload = { kind: "tensors", tensors: [{ name: "y", datatype: "FP32", shape: [1], data: new Uint8Array(4) }] };

interface World {
  readonly asked: InferRequest[];
  readonly loaded: string[];
  ready: boolean;
  output: Payload | AsyncIterable<Payload>;
  readonly clock: FakeClock;
}

function worldOf(extensions: Partial<Extensions> = {}, profile: "kserve" | "triton" = "kserve") {
  const world: World = { asked: [], loaded: [], ready: true, output: tensors, clock: new FakeClock() };
  const dataPlane: DataPlane = {
    admit: () => undefined,
    async infer(request) {
      world.asked.push(request);
      if (request.target.name === "nobody") throw new ServeError("NOT_FOUND", "nobody");
      return { modelName: request.target.name, modelVersion: "1", modelId: "1", output: world.output };
    },
    passes: () => false,
    signature: () => Promise.reject(new Error("not asked for")),
  };
  const repository = {
    assertChangeable: () => undefined,
    holds: async () => true,
    load: async ({ name }: { name: string }) => void world.loaded.push(name),
    unload: async () => undefined,
  };
  const describe = () => Promise.reject(new ServeError("UNAVAILABLE", "no graph in it", { refusal: "not_ready" }));
  const controlPlane = { ready: () => world.ready, names: () => ["iris"], repository, describe } as unknown as ControlPlane;
  const methods = createOipMethods({
    dataPlane,
    controlPlane,
    memory: {} as ClientMemory,
    clock: world.clock,
    serverName: "nitrous",
    serverVersion: "1",
    extensions: testExtensions(profile, extensions),
  });
  const begin = (path: string, message: Uint8Array, metadata: Record<string, string> = {}): [GrpcRequest, RequestContext] => {
    const method = methods.find((each) => each.path === path);
    if (method === undefined) throw new Error(path);
    const context = new RequestContext({ deadline: 1e6, record: createRecord("grpc", "", 0) });
    return [method.read(message, { metadata, context }), context];
  };
  async function ask<Request extends DescMessage, Response extends DescMessage>(
    path: string,
    [request, response]: readonly [Request, Response],
    message: MessageInitShape<Request>,
    metadata: Record<string, string> = {},
  ): Promise<Array<MessageShape<Response>>> {
    const [begun] = begin(path, toBinary(request, create(request, message)), metadata);
    const answer = await begun.answer();
    const messages: GrpcMessage[] = Symbol.asyncIterator in answer ? [] : [answer];
    if (Symbol.asyncIterator in answer) for await (const each of answer) messages.push(each);
    return messages.map((pieces) => fromBinary(response, Buffer.concat(pieces)));
  }
  return { world, methods, begin, ask };
}

const INFER = [ModelInferRequestSchema, ModelInferResponseSchema] as const;
const STREAM = [ModelInferRequestSchema, ModelStreamInferResponseSchema] as const;
const typed = { modelName: "iris", inputs: [{ name: "x", datatype: "FP32", shape: [1n], contents: { fp32Contents: [1] } }] };
const raw = { modelName: "iris", inputs: [{ name: "x", datatype: "FP32", shape: [1n] }], rawInputContents: [new Uint8Array(4)] };

describe("inference", () => {
  it("answers in the form of the request, and under Triton's profile always raw", async () => {
    const rawContents = async (request: typeof typed | typeof raw, profile: "kserve" | "triton") =>
      (await worldOf({}, profile).ask(`${SERVICE}/ModelInfer`, INFER, request))[0]?.rawOutputContents.length;
    expect([await rawContents(typed, "kserve"), await rawContents(raw, "kserve"), await rawContents(typed, "triton")]).toEqual([0, 1, 1]);
  });

  it("makes ids for clients of KServe only", async () => {
    const id = async (profile: "kserve" | "triton") => (await worldOf({}, profile).ask(`${SERVICE}/ModelInfer`, INFER, raw))[0]?.id;
    expect([await id("kserve"), await id("triton")]).toEqual([expect.stringMatching(/^[\w-]{36}$/), ""]);
  });

  it("finds the model by message and metadata, and hands on parameters that are not the protocol's", async () => {
    const { world, ask } = worldOf({ forwardedHeaders: /^x-one$/ });
    const parameters = {
      priority: { parameterChoice: { case: "uint64Param" as const, value: 1n } },
      timeout: { parameterChoice: { case: "int64Param" as const, value: 5_000_000n } },
      method: { parameterChoice: { case: "stringParam" as const, value: "explain" } },
      top: { parameterChoice: { case: "doubleParam" as const, value: 0.5 } },
    };
    await ask(`${SERVICE}/ModelInfer`, INFER, { ...raw, modelVersion: "3", parameters }, { "nitrous-namespace": "team", "x-one": "1" });
    const [request] = world.asked;
    expect(request).toMatchObject({
      target: { namespace: "team", name: "iris", version: "3", method: "explain" },
      parameters: { top: 0.5, "x-one": "1" },
      context: { priority: 1, timeoutMs: 5000 },
    });
  });

  it("answers every message of a model that streams, and a last empty one where it is asked for", async () => {
    const { world, ask } = worldOf();
    const output = async function* () {
      yield tensors;
      yield tensors;
    };
    const finals = async (request: typeof raw) => {
      world.output = output();
      const answers = await ask(`${SERVICE}/ModelStreamInfer`, STREAM, request);
      return answers.map(({ inferResponse }) => [
        inferResponse?.outputs.length,
        inferResponse?.parameters.triton_final_response?.parameterChoice.value,
      ]);
    };
    expect(await finals(raw)).toEqual([
      [1, false],
      [1, false],
    ]);
    const parameters = { triton_enable_empty_final_response: { parameterChoice: { case: "boolParam" as const, value: true } } };
    expect((await finals({ ...raw, parameters } as typeof raw)).at(-1)).toEqual([0, true]);
    world.output = output();
    await expect(ask(`${SERVICE}/ModelInfer`, INFER, raw)).rejects.toMatchObject({ code: "UNIMPLEMENTED" });
  });

  it("tells of a failed request in a stream with its id, or leaves it to the status", () => {
    const { methods, begin } = worldOf();
    const method = methods.find(({ path }) => path.endsWith("ModelStreamInfer"));
    const [, context] = begin(
      `${SERVICE}/ModelStreamInfer`,
      toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, { ...raw, id: "9" })),
    );
    const told = method?.fail?.(new ServeError("NOT_FOUND", "no good"), {}, context) ?? [];
    expect(fromBinary(ModelStreamInferResponseSchema, Buffer.concat(told))).toMatchObject({
      errorMessage: "no good",
      inferResponse: { id: "9" },
    });
    expect(method?.fail?.(new ServeError("NOT_FOUND", "no good"), { triton_grpc_error: "true" }, context)).toBeUndefined();
  });
});

it("says of the configuration of a model that is not ready what its profile says", async () => {
  const CONFIG = [ModelConfigRequestSchema, ModelConfigResponseSchema] as const;
  const configured = (profile: "kserve" | "triton") => worldOf({}, profile).ask(`${SERVICE}/ModelConfig`, CONFIG, { name: "iris" });
  await expect(configured("kserve")).rejects.toMatchObject({ code: "UNAVAILABLE", message: "no graph in it" });
  const message = "Request for unknown model: 'iris' has no available versions. no graph in it";
  await expect(configured("triton")).rejects.toMatchObject({ code: "NOT_FOUND", message });
});

it("loads by both forms of the request", async () => {
  const { world, ask } = worldOf();
  const LOAD = [RepositoryModelLoadRequestSchema, RepositoryModelLoadResponseSchema] as const;
  const [asTriton] = await ask(`${SERVICE}/RepositoryModelLoad`, LOAD, { modelName: "iris" });
  await ask(`${SERVICE}/RepositoryModelLoad`, LOAD, { repositoryName: "iris" });
  expect(world.loaded).toEqual(["iris", "iris"]);
  expect(asTriton).toMatchObject({ modelName: "iris", isLoaded: true });
  expect(() => worldOf().begin(`${SERVICE}/RepositoryModelLoad`, Uint8Array.of(0xff))).toThrow(
    "the message is no RepositoryModelLoadRequest",
  );
});

it.each([
  ["", "Model name cannot be empty. Please enter a valid name to deploy."],
  [" \t\n", "Model name cannot be empty. Please enter a valid name to deploy."],
  ["..", "model name must not contain path traversal characters"],
  [" ..", "model name must not contain path traversal characters"],
  ["/etc/passwd", "model name must not contain path traversal characters"],
  ["iris/", "model name must not contain path traversal characters"],
  ["...", "failed to load '...', failed to poll from model repository"],
])("refuses to load a model named %j in Triton's words", async (modelName, message) => {
  const { ask } = worldOf();
  const LOAD = [RepositoryModelLoadRequestSchema, RepositoryModelLoadResponseSchema] as const;
  await expect(async () => ask(`${SERVICE}/RepositoryModelLoad`, LOAD, { modelName })).rejects.toThrow(message);
});

it("asks for the header of what is restricted, under both of its names", async () => {
  const { ask } = worldOf({ restrictions: new Map([["health", { header: "x-admin", value: "secret" }]]) });
  const READY = [ServerReadyRequestSchema, ServerReadyResponseSchema] as const;
  await expect(ask(`${SERVICE}/ServerReady`, READY, {})).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
  for (const name of ["x-admin", "triton-grpc-protocol-x-admin"]) {
    expect((await ask(`${SERVICE}/ServerReady`, READY, {}, { [name]: "secret" }))[0]?.ready).toBe(true);
  }
});

it("lists the health of every service, and tells a watcher of changes", async () => {
  const { world, ask, begin } = worldOf();
  const [all] = await ask("/grpc.health.v1.Health/List", [HealthListRequestSchema, HealthListResponseSchema], {});
  expect(Object.keys(all?.statuses ?? {})).toEqual(expect.arrayContaining(["", "inference.GRPCInferenceService", "grpc.health.v1.Health"]));
  const [watching, context] = begin("/grpc.health.v1.Health/Watch", toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema)));
  const statuses = (watching.answer() as AsyncIterable<GrpcMessage>)[Symbol.asyncIterator]();
  const next = async () => fromBinary(HealthCheckResponseSchema, Buffer.concat((await statuses.next()).value ?? [])).status;
  expect(await next()).toBe(1);
  world.ready = false;
  const changed = next();
  await world.clock.advance(500);
  expect(await changed).toBe(2);
  context.abort(new Error("over"));
  expect((await statuses.next()).done).toBe(true);
});

it.each(["v1", "v1alpha"])("reflects its services and the files of their messages, %s", async (version) => {
  const { ask } = worldOf();
  const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
  const reflect = async (messageRequest: MessageShape<typeof ServerReflectionRequestSchema>["messageRequest"]) =>
    (await ask(path, [ServerReflectionRequestSchema, ServerReflectionResponseSchema], { messageRequest }))[0]?.messageResponse;
  const services = await reflect({ case: "listServices", value: "" });
  expect(services?.case === "listServicesResponse" && services.value.service.map(({ name }) => name)).toContain(
    "inference.GRPCInferenceService",
  );
  for (const value of [
    "inference.ModelConfig",
    "inference.GRPCInferenceService.ModelInfer",
    "inference.ModelInferRequest.InferInputTensor",
  ]) {
    expect((await reflect({ case: "fileContainingSymbol", value }))?.case).toBe("fileDescriptorResponse");
  }
  expect((await reflect({ case: "fileByFilename", value: "nothing.proto" }))?.value).toMatchObject({ errorCode: 5 });
});

it("has every call in docs/grpc.md with its scope, and no other", () => {
  const page = readFileSync(new URL("../../../../docs/grpc.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(/^\| `(\/[\w./]+)` +\| (\w+) /gm)].map(([, path, access]) => `${path} ${access}`);
  expect(rows.sort()).toEqual(
    worldOf()
      .methods.map(({ path, access }) => `${path} ${access}`)
      .sort(),
  );
});
