import { Agent, request } from "node:http";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, credentials } from "@grpc/grpc-js";
import { ModelInferRequestSchema, type ModelInferResponse, ModelInferResponseSchema } from "../src/grpc-messages/index.ts";

/** Who asks for the three models of examples/ensemble: the ensemble, or the client one after the other. */
export type Asking = "ensemble" | "chain";
export type Wire = "http" | "grpc";

/** The first argument of this program, as JSON. */
export interface ClientOrder {
  readonly url: string;
  readonly grpcPort: number;
  readonly asking: Asking;
  readonly wire: Wire;
  readonly connections: number;
  readonly seconds: number;
}

export interface ClientReport {
  readonly requests: number;
  /** Milliseconds of each request, or of each three. */
  readonly latencies: readonly number[];
}

const TEXT = "I love it, and it is great: not slow and not boring!";
const MOOD = "happy";
const PATH = "/inference.GRPCInferenceService/ModelInfer";
const same = (bytes: Buffer): Buffer => bytes;

const order = JSON.parse(process.argv[2] ?? "{}") as ClientOrder;
const agent = new Agent({ keepAlive: true, maxSockets: order.connections });

interface JsonTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data: readonly unknown[];
}

/** The outputs of a model, by name. */
function overHttp(model: string, input: JsonTensor): Promise<ReadonlyMap<string, JsonTensor>> {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${order.url}/v2/models/${model}/infer`,
      { method: "POST", agent, headers: { "Content-Type": "application/json" } },
      (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(parts).toString();
          if (response.statusCode !== 200) reject(new Error(`${model}: ${response.statusCode} ${text}`));
          else resolve(new Map((JSON.parse(text) as { outputs: readonly JsonTensor[] }).outputs.map((output) => [output.name, output])));
        });
      },
    );
    sent.on("error", reject).end(JSON.stringify({ inputs: [input] }));
  });
}

async function once(): Promise<string> {
  const text = { name: "TEXT", datatype: "BYTES", shape: [1, 1], data: [TEXT] };
  if (order.asking === "ensemble") return String((await overHttp("mood", text)).get("MOOD")?.data[0]);
  const words = (await overHttp("split-words", text)).get("WORDS") as JsonTensor;
  const score = (await overHttp("word-scores", { ...words, name: "words" })).get("score") as JsonTensor;
  return String((await overHttp("verdict", score)).get("mood")?.data[0]);
}

interface Input {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly bigint[];
  readonly bytes: Uint8Array;
}

function overGrpc(client: Client, modelName: string, { name, datatype, shape, bytes }: Input): Promise<ModelInferResponse> {
  const message = create(ModelInferRequestSchema, {
    modelName,
    inputs: [{ name, datatype, shape: [...shape] }],
    rawInputContents: [bytes],
  });
  const body = Buffer.from(toBinary(ModelInferRequestSchema, message));
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(PATH, same, same, body, (error, answer) => {
      if (error !== null || answer === undefined) reject(error ?? new Error("no answer"));
      else resolve(fromBinary(ModelInferResponseSchema, answer));
    });
  });
}

/** The output of a name as the input of another model. */
function handedOn(response: ModelInferResponse, output: string, name: string): Input {
  const index = response.outputs.findIndex((each) => each.name === output);
  const { datatype = "", shape = [] } = response.outputs[index] ?? {};
  return { name, datatype, shape, bytes: response.rawOutputContents[index] ?? new Uint8Array() };
}

async function onceOverGrpc(client: Client): Promise<string> {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(Buffer.byteLength(TEXT));
  const text: Input = { name: "TEXT", datatype: "BYTES", shape: [1n, 1n], bytes: Buffer.concat([length, Buffer.from(TEXT)]) };
  const mood = async (): Promise<Input> => {
    if (order.asking === "ensemble") return handedOn(await overGrpc(client, "mood", text), "MOOD", "mood");
    const words = handedOn(await overGrpc(client, "split-words", text), "WORDS", "words");
    const score = handedOn(await overGrpc(client, "word-scores", words), "score", "score");
    return handedOn(await overGrpc(client, "verdict", score), "mood", "mood");
  };
  return Buffer.from((await mood()).bytes)
    .subarray(4)
    .toString();
}

const client = new Client(`127.0.0.1:${order.grpcPort}`, credentials.createInsecure());
const ask = order.wire === "http" ? once : () => onceOverGrpc(client);
const latencies: number[] = [];
const until = performance.now() + order.seconds * 1000;
await Promise.all(
  Array.from({ length: order.connections }, async () => {
    while (performance.now() < until) {
      const began = performance.now();
      const found = await ask();
      latencies.push(performance.now() - began);
      if (found !== MOOD) throw new Error(`expected ${MOOD}, found ${found}`);
    }
  }),
);
client.close();
agent.destroy();
process.stdout.write(JSON.stringify({ requests: latencies.length, latencies } satisfies ClientReport));
