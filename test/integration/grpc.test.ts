import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { create, type DescMessage, fromBinary, type MessageInitShape, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, it } from "vitest";
import { run } from "../../src/environments/run.ts";
import {
  ModelInferRequestSchema,
  ModelInferResponseSchema,
  ServerLiveRequestSchema,
  ServerLiveResponseSchema,
  ServerMetadataRequestSchema,
  ServerMetadataResponseSchema,
} from "../../src/grpc-messages/index.ts";
import { grpcPortOf, MAIN, type ServerProcess, startServer, untilLoaded } from "../server-process.ts";

const stored = (name: string): string => fileURLToPath(new URL(`../../testdata/tls/${name}`, import.meta.url));
const SLOW = "export class Model { async predict() { await new Promise((done) => setTimeout(done, 1500)); return { done: true }; } }\n";

let folder: string;
let server: ServerProcess;
let client: Client;
let boss: string;
let guest: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-grpc-"));
  for (const [name, file, code] of [
    ["slow", "model.js", SLOW],
    ["echo", "model.js", "export class Model { predict({ x }) { return { y: x }; } }\n"],
  ] as const) {
    await mkdir(join(folder, "models", name), { recursive: true });
    await writeFile(join(folder, "models", name, file), code);
  }
  const state = join(folder, "state");
  const keys = (...rest: string[]): Promise<string> => run([process.execPath, MAIN, "keys", "create", ...rest, "--state-dir", state]);
  boss = (await keys("boss", "--scope", "admin")).trim();
  guest = (await keys("guest", "--scope", "infer", "--model", "echo")).trim();
  const tls = ["--tls-cert", stored("first.crt"), "--tls-key", stored("first.key")];
  server = await startServer([join(folder, "models")], ["--state-dir", state, ...tls]);
  await untilLoaded(server);
  const limits = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1, "grpc.enable_retries": 0 };
  client = new Client(`localhost:${grpcPortOf(server)}`, credentials.createSsl(await readFile(stored("first.crt"))), limits);
});

afterAll(async () => {
  client?.close();
  await server?.stop();
  await rm(folder, { recursive: true });
});

function ask<Request extends DescMessage, Response extends DescMessage>(
  method: string,
  [request, response]: readonly [Request, Response],
  message: MessageInitShape<Request>,
  headers: Record<string, string> = {},
): Promise<MessageShape<Response>> {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      `/inference.GRPCInferenceService/${method}`,
      (bytes: Uint8Array) => Buffer.from(bytes),
      (bytes) => fromBinary(response, bytes),
      toBinary(request, create(request, message)),
      metadata,
      (error, answer) => (error === null ? resolve(answer as MessageShape<Response>) : reject(error)),
    );
  });
}

const INFER = [ModelInferRequestSchema, ModelInferResponseSchema] as const;
const LIVE = [ServerLiveRequestSchema, ServerLiveResponseSchema] as const;
const METADATA = [ServerMetadataRequestSchema, ServerMetadataResponseSchema] as const;

const failure = (asked: Promise<unknown>): Promise<[number, string]> =>
  asked.then(
    () => [0, ""],
    ({ code, details }: ServiceError) => [code, details],
  );

function request(modelName: string, bytes: Uint8Array): MessageInitShape<typeof ModelInferRequestSchema> {
  return { modelName, inputs: [{ name: "x", datatype: "UINT8", shape: [BigInt(bytes.length)] }], rawInputContents: [bytes] };
}

it("asks for keys with their scopes and models, over TLS, and lets everybody ask whether it lives", async () => {
  expect((await ask("ServerLive", LIVE, {})).live).toBe(true);
  expect(await failure(ask("ServerMetadata", METADATA, {}))).toEqual([16, expect.stringContaining("a key is needed")]);
  expect(await failure(ask("ServerMetadata", METADATA, {}, { "x-api-key": guest }))).toEqual([7, expect.stringContaining("infer")]);
  expect((await ask("ServerMetadata", METADATA, {}, { authorization: `Bearer ${boss}` })).name).toBe("nitrous");
  const message = request("echo", Uint8Array.of(1, 2));
  expect([...((await ask("ModelInfer", INFER, message, { "x-api-key": guest })).rawOutputContents[0] ?? [])]).toEqual([1, 2]);
  expect(await failure(ask("ModelInfer", INFER, request("slow", Uint8Array.of(1)), { "x-api-key": guest }))).toEqual([
    7,
    expect.stringContaining("slow is not one of them"),
  ]);
});

it("carries tensors of many mebibytes to a model and back", async () => {
  const bytes = new Uint8Array(20 * 1024 * 1024).map((_, index) => index % 251);
  const { rawOutputContents } = await ask("ModelInfer", INFER, request("echo", bytes), { "x-api-key": boss });
  expect(Buffer.compare(rawOutputContents[0] ?? Buffer.alloc(0), bytes)).toBe(0);
});

it("counts its requests under its own protocol", async () => {
  await ask("ModelInfer", INFER, request("echo", Uint8Array.of(1)), { "x-api-key": boss });
  const output = await run(["curl", "-s", "-k", "-H", `X-API-Key: ${boss}`, `${server.url}/metrics`]);
  expect(output).toMatch(/nitrous_requests_total\{[^}]*model="echo"[^}]*protocol="grpc"[^}]*\} [1-9]/);
});

it("finishes what is under way when it is asked to stop", async () => {
  const slow = ask("ModelInfer", INFER, request("slow", Uint8Array.of(1)), { "x-api-key": boss });
  await new Promise((resolve) => setTimeout(resolve, 300));
  const stopped = server.stop();
  expect((await slow).modelName).toBe("slow");
  expect(await stopped).toBe(0);
});
