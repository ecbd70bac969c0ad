import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { create, fromBinary, type MessageInitShape, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { Client, credentials } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../../src/environments/run.ts";
import { ModelInferRequestSchema, ModelStreamInferResponseSchema } from "../../src/grpc-messages/index.ts";
import { consoleCommands, expectedOutput } from "../console-commands.ts";
import { type GraphValue, onnxGraph } from "../onnx-graph.ts";
import { grpcPortOf, type ServerProcess, startServer, untilLoaded } from "../server-process.ts";

const page = await readFile(fileURLToPath(new URL("../../docs/sequences.md", import.meta.url)), "utf8");

const INPUT = 'input [ { name: "VALUE" data_type: TYPE_INT32 dims: [ 1 ] } ]';

/** It adds up what it is given, and answers the sum and the sequence's id. The server keeps the sum. */
const SUMS = `
backend: "onnxruntime"
max_batch_size: 4
${INPUT}
output [ { name: "SUM" data_type: TYPE_INT32 dims: [ 1 ] }, { name: "ID" data_type: TYPE_UINT64 dims: [ 1 ] } ]
sequence_batching {
  direct { }
  max_sequence_idle_microseconds: 60000000
  control_input [ { name: "CORRID" control [ { kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_UINT64 } ] } ]
  state [ {
    input_name: "BEFORE" output_name: "AFTER" data_type: TYPE_INT32 dims: [ 1 ]
    initial_state { name: "first" data_type: TYPE_INT32 dims: [ 1 ] data_file: "hundred" }
  } ]
}
`;

const THROUGH = `
platform: "ensemble"
max_batch_size: 4
${INPUT}
output [ { name: "TOTAL" data_type: TYPE_INT32 dims: [ 1 ] } ]
ensemble_scheduling { step [ {
  model_name: "sums" model_version: -1
  input_map { key: "VALUE" value: "VALUE" } output_map { key: "SUM" value: "TOTAL" }
} ] }
`;

/** It keeps its sums itself, and ends its process when it is given a negative value. */
const FRAGILE = `
import os, signal
import numpy as np
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def initialize(self, args):
        self.sums = {}

    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        value = int(pb_utils.get_input_tensor_by_name(request, "VALUE").as_numpy().item())
        id = int(pb_utils.get_input_tensor_by_name(request, "CORRID").as_numpy().item())
        if value < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.sums[id] = self.sums.get(id, 0) + value
        return pb_utils.InferenceResponse([pb_utils.Tensor("SUM", np.array([[self.sums[id]]], np.int32))])
`;

const FRAGILE_CONFIGURATION = `
backend: "python"
max_batch_size: 4
${INPUT}
output [ { name: "SUM" data_type: TYPE_INT32 dims: [ 1 ] } ]
sequence_batching {
  max_sequence_idle_microseconds: 60000000
  control_input [ { name: "CORRID" control [ { kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_UINT64 } ] } ]
}
`;

function sumsGraph(): Buffer {
  const column = (name: string, type: GraphValue["type"]): GraphValue => ({ name, type, shape: ["rows", 1] });
  return onnxGraph({
    nodes: [
      { operator: "Add", inputs: ["BEFORE", "VALUE"], outputs: ["AFTER"] },
      { operator: "Identity", inputs: ["AFTER"], outputs: ["SUM"] },
      { operator: "Identity", inputs: ["CORRID"], outputs: ["ID"] },
    ],
    inputs: [column("VALUE", "INT32"), column("CORRID", "UINT64"), column("BEFORE", "INT32")],
    outputs: [column("SUM", "INT32"), column("ID", "UINT64"), column("AFTER", "INT32")],
  });
}

/** The files of the page: blocks whose first line is a comment with their path. */
function filesOf(markdown: string): ReadonlyArray<readonly [string, string]> {
  const blocks = markdown.matchAll(/^```(?:python)?\n# (\S+\/(?:config\.pbtxt|model\.py))\n([\s\S]*?)^```/gm);
  return [...blocks].map(([, path, text]) => [path as string, text as string] as const);
}

describe("sequences over all protocols", () => {
  let folder: string;
  let server: ServerProcess;
  let client: Client;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "nitrous-sequences-"));
    const hundred = Buffer.alloc(4);
    hundred.writeInt32LE(100);
    const files: ReadonlyArray<readonly [string, string | Buffer]> = [
      ...filesOf(page),
      ["sums/config.pbtxt", SUMS],
      ["sums/1/model.onnx", sumsGraph()],
      ["sums/initial_state/hundred", hundred],
      ["through/config.pbtxt", THROUGH],
      ["through/1/.keep", ""],
      ["fragile/config.pbtxt", FRAGILE_CONFIGURATION],
      ["fragile/1/model.py", FRAGILE],
    ];
    for (const [path, content] of files) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), content);
    }
    server = await startServer([folder], ["--profile", "triton"]);
    await untilLoaded(server);
    client = new Client(`127.0.0.1:${grpcPortOf(server)}`, credentials.createInsecure());
  });

  afterAll(async () => {
    client?.close();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** What the model answers, by output, or the text of its error. */
  const ask = async (model: string, parameters: string, value: number): Promise<Record<string, string> | string> => {
    const inputs = `[{"name": "VALUE", "datatype": "INT32", "shape": [1, 1], "data": [${value}]}]`;
    const body = `{"parameters": {${parameters}}, "inputs": ${inputs}}`;
    const text = await (await fetch(`${server.url}/v2/models/${model}/infer`, { method: "POST", body })).text();
    const { error } = JSON.parse(text) as { readonly error?: string };
    // Numbers as they are written: an id may have 64 bits.
    const outputs = [...text.matchAll(/"name":"(\w+)"[^{}]*"data":\[(\d+)\]/g)].map(([, name, data]) => [name, data]);
    return error ?? Object.fromEntries(outputs);
  };

  it.each(consoleCommands(page))("docs/sequences.md: $command", async ({ command, output }) => {
    const text = command.replaceAll("http://127.0.0.1:8080", server.url);
    expect((await run(["sh", "-c", text], {})).trimEnd()).toMatch(expectedOutput(output));
  });

  it("are said to be there, and show clients neither controls nor states", async () => {
    const json = async (path: string): Promise<unknown> => await (await fetch(`${server.url}${path}`)).json();
    expect(await json("/v2")).toMatchObject({ extensions: expect.arrayContaining(["sequence"]) });
    const metadata = await json("/v2/models/sums");
    expect(metadata).toMatchObject({
      inputs: [{ name: "VALUE", datatype: "INT32", shape: [-1, 1] }],
      outputs: [{ name: "SUM" }, { name: "ID" }],
    });
    expect(await json("/v2/models/sums/config")).toMatchObject({
      sequence_batching: {
        max_sequence_idle_microseconds: expect.anything(),
        control_input: [{ name: "CORRID" }],
        state: [{ input_name: "BEFORE", output_name: "AFTER" }],
      },
    });
  });

  it("keep their states apart, with ids of 64 bits and from their initial state", async () => {
    const [large, small] = ['"sequence_id": 18446744073709551615', '"sequence_id": 1'];
    expect(await ask("sums", `${large}, "sequence_start": true`, 1)).toEqual({ SUM: "101", ID: "18446744073709551615" });
    expect(await ask("sums", `${small}, "sequence_start": true`, 2)).toEqual({ SUM: "102", ID: "1" });
    expect(await ask("sums", large, 10)).toEqual({ SUM: "111", ID: "18446744073709551615" });
    expect(await ask("sums", `${small}, "sequence_end": true`, 10)).toEqual({ SUM: "112", ID: "1" });
    expect(await ask("sums", small, 10)).toContain("must specify the START flag on the first request of the sequence");
    expect(await ask("sums", '"sequence_id": "one", "sequence_start": true', 1)).toContain('sequence id "one" is text');
    expect(await ask("sums", "", 1)).toContain("must specify a non-zero or non-empty correlation ID");
    expect(await ask("sums", `${large}, "sequence_end": true`, 0)).toEqual({ SUM: "111", ID: "18446744073709551615" });
  });

  it("pass through an ensemble", async () => {
    const id = '"sequence_id": 77';
    expect(await ask("through", `${id}, "sequence_start": true`, 5)).toEqual({ TOTAL: "105" });
    expect(await ask("through", `${id}, "sequence_end": true`, 6)).toEqual({ TOTAL: "111" });
  });

  it("share a stream, each in its order", async () => {
    const call = client.makeBidiStreamRequest(
      "/inference.GRPCInferenceService/ModelStreamInfer",
      (message: MessageInitShape<typeof ModelInferRequestSchema>) =>
        Buffer.from(toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, message))),
      (bytes) => fromBinary(ModelStreamInferResponseSchema, bytes),
    );
    const answers: Array<readonly [string, number]> = [];
    const ended = new Promise<void>((resolve, reject) => {
      call.on("data", ({ errorMessage, inferResponse }: MessageShape<typeof ModelStreamInferResponseSchema>) => {
        const bytes = inferResponse?.rawOutputContents[0];
        answers.push([errorMessage || (inferResponse?.id ?? ""), bytes === undefined ? Number.NaN : Buffer.from(bytes).readInt32LE()]);
      });
      call.on("end", resolve);
      call.on("error", reject);
    });
    // More sequences than there are slots, each with one request more than its number.
    const last = 6;
    const sent: string[] = [];
    for (let step = 0; step <= last; step++) {
      for (let sequence = step === 0 ? 1 : step; sequence <= last; sequence++) {
        const data = Buffer.alloc(4);
        data.writeInt32LE(10 ** (step % 4));
        sent.push(`${sequence}:${step}`);
        call.write({
          modelName: "sums",
          id: `${sequence}:${step}`,
          parameters: {
            sequence_id: { parameterChoice: { case: "int64Param", value: BigInt(1000 + sequence) } },
            sequence_start: { parameterChoice: { case: "boolParam", value: step === 0 } },
            sequence_end: { parameterChoice: { case: "boolParam", value: step === sequence } },
          },
          inputs: [{ name: "VALUE", datatype: "INT32", shape: [1n, 1n] }],
          outputs: [{ name: "SUM" }],
          rawInputContents: [data],
        });
      }
    }
    call.end();
    await ended;
    expect(answers.map(([id]) => id)).toEqual(sent);
    const sums = [101, 111, 211, 1211, 1212, 1222, 1322];
    expect(answers.map(([, sum]) => sum)).toEqual(sent.map((id) => sums[Number(id.split(":")[1])]));
  });

  it("of one request each go on in steps, with those that come, until they are over or nobody waits", async () => {
    const body = (steps: number): string =>
      JSON.stringify({ inputs: [{ name: "STEPS", datatype: "INT32", shape: [1, 1], data: [steps] }] });
    const post = async (steps: number, signal: AbortSignal | null = null): Promise<readonly number[]> => {
      const response = await fetch(`${server.url}/v2/models/steps/infer`, { method: "POST", body: body(steps), signal });
      return ((await response.json()) as { readonly outputs: readonly [{ readonly data: readonly number[] }] }).outputs[0].data;
    };
    const client = new AbortController();
    const endless = post(2 ** 31 - 1, client.signal);
    endless.catch(() => undefined);
    await expect.poll(() => post(3)).toEqual([2, 2, 2]);
    client.abort();
    await expect.poll(() => post(2)).toEqual([1, 1]);
  });

  it("end with the process that had them, and no state of another is taken for theirs", async () => {
    const begin = (id: number, value: number) => ask("fragile", `"sequence_id": ${id}, "sequence_start": true`, value);
    const next = (id: number, value: number) => ask("fragile", `"sequence_id": ${id}`, value);
    expect(await begin(1, 3)).toEqual({ SUM: "3" });
    expect(await begin(2, 4)).toEqual({ SUM: "4" });
    expect(await next(1, -1)).toContain("the replica that had the state of sequence 1 is gone; begin the sequence again");
    // Until it has a process again, it is not ready.
    await expect.poll(() => next(2, 5), { timeout: 60_000, interval: 100 }).toMatch(/sequence 2\b/);
    expect(await begin(2, 9)).toEqual({ SUM: "9" });
    expect(await next(2, 1)).toEqual({ SUM: "10" });
    expect(await next(1, 1)).toMatch(/sequence 1\b/);
  });
});
