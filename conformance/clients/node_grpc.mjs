// A client of @grpc/grpc-js that is made from the public proto when it runs. Arguments: host:port, the folder of the protos.

import { createRequire } from "node:module";
import { credentials, loadPackageDefinition } from "@grpc/grpc-js";

// It comes with @grpc/grpc-js.
const { loadSync } = createRequire(createRequire(import.meta.url).resolve("@grpc/grpc-js"))("@grpc/proto-loader");
const [address, protos] = process.argv.slice(2);
const { inference } = loadPackageDefinition(
  loadSync("open_inference_grpc.proto", { includeDirs: [protos], keepCase: true, longs: Number }),
);
const client = new inference.GRPCInferenceService(address, credentials.createInsecure());

const ask = (method, request) =>
  new Promise((resolve, reject) => client[method](request, (error, answer) => (error === null ? resolve(answer) : reject(error))));

async function report(name, check) {
  const detail = await check().catch((error) => `${error.code} ${error.details ?? error}`);
  process.stdout.write(`${JSON.stringify({ name, ok: detail === "", detail })}\n`);
}

const rows = [5.1, 3.5, 1.4, 0.2, 6.3, 3.3, 6, 2.5];
const tensor = { name: "features", datatype: "FP32", shape: [2, 4] };
const raw_input_contents = [Buffer.from(Float32Array.from(rows).buffer)];
const expect = (found, expected) => (JSON.stringify(found) === JSON.stringify(expected) ? "" : JSON.stringify(found));

await report("live", async () => expect(await ask("ServerLive", {}), { live: true }));
await report("metadata", async () => expect((await ask("ModelMetadata", { name: "iris-onnx" })).inputs[0].shape, [-1, 4]));
await report("typed contents", async () => {
  const answer = await ask("ModelInfer", { model_name: "iris-onnx", inputs: [{ ...tensor, contents: { fp32_contents: rows } }] });
  return expect(answer.outputs[0].contents.int64_contents, [0, 2]);
});
await report("raw contents", async () => {
  const answer = await ask("ModelInfer", { model_name: "iris-onnx", inputs: [tensor], raw_input_contents });
  return expect(
    [0, 8].map((offset) => Number(answer.raw_output_contents[0].readBigInt64LE(offset))),
    [0, 2],
  );
});
await report("all kinds of parameters", async () => {
  const parameters = {
    a: { bool_param: true },
    b: { int64_param: -1 },
    c: { string_param: "x" },
    d: { double_param: 0.5 },
    e: { uint64_param: 7 },
  };
  const answer = await ask("ModelInfer", { model_name: "iris-onnx", parameters, inputs: [tensor], raw_input_contents });
  return expect(answer.outputs.length, 2);
});
await report("an error", () =>
  ask("ModelInfer", { model_name: "iris-onnx" }).then(
    () => "it was answered",
    ({ code, details }) => (code === 3 && details.includes("features") ? "" : `${code} ${details}`),
  ),
);
client.close();
