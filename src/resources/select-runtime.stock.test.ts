import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { ProtocolVersion, ServingRuntime } from "../core/resource.ts";
import { listIn, textIn } from "./json-fields.ts";
import { readDocuments } from "./read-documents.ts";
import { type RuntimeChoice, selectRuntime } from "./select-runtime.ts";
import { toServingRuntime } from "./serving-runtime.ts";
import type { ValidDocument } from "./valid-document.ts";
import { validateDocument } from "./validate-document.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

function documentsOf(path: string): ValidDocument[] {
  return readDocuments(readFileSync(join(root, path), "utf8"), path).map(({ value, lineOf }) => validateDocument(value, { lineOf }));
}

function toRuntime({ kind, metadata, spec }: ValidDocument): ServingRuntime {
  const managed = { uid: "", generation: 1, resourceVersion: "1", creationTimestamp: "1970-01-01T00:00:00Z" };
  return toServingRuntime({ kind, metadata: { ...metadata, ...managed }, spec });
}

/** `sklearn:1 v2 runtime=x workers`: everything but the format may be left out. */
function ask(text: string, runtimes: readonly ServingRuntime[]): RuntimeChoice {
  const [format = "", ...words] = text.split(" ");
  const [name = "", version] = format.split(":");
  const protocolVersion = words.find((word) => /^(grpc-)?v[12]$/.test(word)) as ProtocolVersion | undefined;
  const runtime = words.find((word) => word.startsWith("runtime="))?.slice("runtime=".length);
  return selectRuntime(
    {
      namespace: "default",
      model: {
        format: { name, ...(version === undefined ? {} : { version }) },
        ...(protocolVersion === undefined ? {} : { protocolVersion }),
        ...(runtime === undefined ? {} : { runtime }),
      },
      multiNode: words.includes("workers"),
    },
    runtimes,
  );
}

function answer({ runtime, protocolVersion, failure }: RuntimeChoice): string {
  return runtime === undefined ? (failure?.reason ?? "nothing") : `${runtime.name} ${protocolVersion ?? "any"}`;
}

describe("KServe's stock runtimes", () => {
  const stock = documentsOf("testdata/runtimes/kserve-stock.yaml").map(toRuntime);

  it.each([
    ["sklearn", "kserve-sklearnserver v1"],
    ["sklearn v1", "kserve-sklearnserver v1"],
    ["sklearn v2", "kserve-mlserver v2"],
    ["sklearn:1", "kserve-sklearnserver v1"],
    ["sklearn:0", "NoSupportingRuntime"],
    ["sklearn:0 v2", "kserve-mlserver v2"],
    ["sklearn:1.3", "NoSupportingRuntime"],
    ["sklearn:* v2", "NoSupportingRuntime"],
    ["sklearn grpc-v2", "NoSupportingRuntime"],
    ["sklearn workers", "NoSupportingRuntime"],
    ["xgboost", "kserve-xgbserver v1"],
    ["xgboost v2", "kserve-mlserver v2"],
    ["xgboost:1", "NoSupportingRuntime"],
    ["lightgbm", "kserve-lgbserver v1"],
    ["lightgbm v2", "kserve-mlserver v2"],
    ["lightgbm:3 v2", "kserve-mlserver v2"],
    ["mlflow", "NoSupportingRuntime"],
    ["mlflow v2", "kserve-mlserver v2"],
    ["tensorflow", "kserve-openvino v1"],
    ["tensorflow:1", "kserve-openvino v1"],
    ["tensorflow:2", "kserve-tensorflow-serving v1"],
    ["tensorflow v2", "kserve-openvino v2"],
    ["tensorflow:2 v2", "kserve-tritonserver v2"],
    ["tensorflow grpc-v1", "kserve-tensorflow-serving grpc-v1"],
    ["onnx", "kserve-openvino v1"],
    ["onnx v2", "kserve-openvino v2"],
    ["onnx grpc-v2", "kserve-openvino grpc-v2"],
    ["openvino", "kserve-openvino v1"],
    ["pytorch", "kserve-torchserve v1"],
    ["pytorch v2", "kserve-torchserve v2"],
    ["tensorrt v2", "kserve-tritonserver v2"],
    ["triton", "NoSupportingRuntime"],
    ["triton v2", "kserve-tritonserver v2"],
    ["huggingface", "kserve-huggingfaceserver v1"],
    ["huggingface v2", "kserve-huggingfaceserver v2"],
    ["huggingface grpc-v2", "kserve-openvino grpc-v2"],
    ["huggingface v2 workers", "kserve-huggingfaceserver-multinode v2"],
    ["vLLM", "kserve-vllmserver any"],
    ["vLLM v2", "kserve-vllmserver v2"],
    ["pmml", "kserve-pmmlserver v1"],
    ["pmml:3 v2", "kserve-pmmlserver v2"],
    ["paddle", "kserve-paddleserver v1"],
    ["autogluon v2", "kserve-autogluonserver v2"],
    ["sklearn runtime=kserve-mlserver", "kserve-mlserver v2"],
    ["sklearn v1 runtime=kserve-mlserver", "NoSupportingRuntime"],
    ["sklearn runtime=kserve-predictiveserver", "kserve-predictiveserver v1"],
    ["sklearn:0 runtime=kserve-predictiveserver", "NoSupportingRuntime"],
    ["pytorch runtime=kserve-tritonserver", "kserve-tritonserver v2"],
    ["sklearn runtime=kserve-tritonserver", "NoSupportingRuntime"],
    ["sklearn runtime=mlserver", "RuntimeNotRecognized"],
  ])("%s -> %s", (question, expected) => {
    expect(answer(ask(question, stock))).toBe(expected);
  });

  it("has a trap: without OpenVINO's, modelFormat onnx finds nothing, and the message says the way out", () => {
    const without = stock.filter(({ name }) => name !== "kserve-openvino");
    expect(ask("onnx", without).failure?.message.split("\n").slice(0, 2)).toEqual([
      "No runtime found to support specified framework/version: onnx over v1 (the default).",
      "- kserve-tritonserver: supports only v2 and grpc-v2, and v1 was asked for (the default; set protocolVersion: v2)",
    ]);
  });
});

/** KServe's formats that are served under KServe's runtimes. */
const SERVED = ["sklearn", "xgboost", "lightgbm", "onnx", "tensorflow", "pytorch", "huggingface", "mlflow", "pmml", "vLLM"];

describe("the built-in runtimes", () => {
  const files = readdirSync(join(root, "runtimes"));
  const documents = files.flatMap((file) => documentsOf(join("runtimes", file)));
  const builtIn = documents.map(toRuntime);
  const stock = documentsOf("testdata/runtimes/kserve-stock.yaml");

  it.each([
    ["sklearn", "kserve-sklearnserver v1"],
    ["sklearn v2", "kserve-mlserver v2"],
    ["sklearn:1", "kserve-sklearnserver v1"],
    ["sklearn:1 v2", "kserve-mlserver v2"],
    ["sklearn:0 v2", "kserve-mlserver v2"],
    ["sklearn:0", "NoSupportingRuntime"],
    ["sklearn grpc-v2", "NoSupportingRuntime"],
    ["xgboost", "kserve-xgbserver v1"],
    ["xgboost v2", "kserve-mlserver v2"],
    ["lightgbm", "kserve-lgbserver v1"],
    ["lightgbm v2", "kserve-mlserver v2"],
    ["catboost", "nitrous-catboost v1"],
    ["catboost v2", "nitrous-catboost v2"],
    ["pmml", "kserve-pmmlserver v1"],
    ["pmml:3 v2", "kserve-pmmlserver v2"],
    ["skops", "nitrous-skops v1"],
    ["onnx", "nitrous-onnx v1"],
    ["onnx v1", "nitrous-onnx v1"],
    ["onnx v2", "nitrous-onnx v2"],
    ["onnx:1", "nitrous-onnx v1"],
    ["onnx:1.17", "NoSupportingRuntime"],
    ["onnx runtime=kserve-tritonserver", "kserve-tritonserver v2"],
    ["python", "nitrous-python v1"],
    ["python v2", "nitrous-python v2"],
    ["typescript", "nitrous-typescript v1"],
    ["typescript v2", "nitrous-typescript v2"],
    ["sklearn runtime=kserve-predictiveserver", "kserve-predictiveserver v1"],
    ["lightgbm v2 runtime=kserve-predictiveserver", "kserve-predictiveserver v2"],
    ["huggingface v2", "kserve-huggingfaceserver v2"],
    ["huggingface", "kserve-huggingfaceserver v1"],
    ["tensorflow", "nitrous-tensorflow v1"],
    ["tensorflow:1", "nitrous-tensorflow v1"],
    ["tensorflow:2 v2", "nitrous-tensorflow v2"],
    ["tensorflow runtime=kserve-tensorflow-serving", "kserve-tensorflow-serving v1"],
    ["savedmodel v2", "nitrous-tensorflow v2"],
    ["keras", "nitrous-keras v1"],
    ["keras v2", "nitrous-keras v2"],
    ["pytorch", "kserve-torchserve v1"],
    ["pytorch:1 v2", "kserve-torchserve v2"],
    ["mlflow", "nitrous-mlflow v1"],
    ["mlflow v2", "kserve-mlserver v2"],
    ["mlflow:2 v2", "kserve-mlserver v2"],
    ["mlflow:3", "nitrous-mlflow v1"],
    ["mlflow:3 v2", "nitrous-mlflow v2"],
    // Servers of others: by themselves only where no host of this server loads the format.
    ["vLLM v2", "kserve-vllmserver v2"],
    ["vLLM", "kserve-vllmserver any"],
    ["vllm", "vllm any"],
    ["huggingface runtime=vllm", "vllm any"],
    ["huggingface runtime=tgi", "tgi any"],
    ["huggingface runtime=tei", "tei any"],
    ["triton v2", "triton v2"],
    ["triton grpc-v2", "triton grpc-v2"],
    ["tensorrt:8 v2", "triton v2"],
    ["onnx runtime=triton", "triton v2"],
    ["tensorflow:2 runtime=triton", "triton v2"],
    ["tensorflow runtime=tensorflow-serving", "tensorflow-serving v1"],
    ["pytorch runtime=torchserve", "torchserve v1"],
  ])("%s -> %s", (question, expected) => {
    expect(answer(ask(question, builtIn))).toBe(expected);
  });

  it("is one per file, of that name", () => {
    expect(documents.map(({ metadata }) => `${metadata.name}.yaml`)).toEqual(files);
    for (const { apiVersion, kind, metadata } of documents)
      expect([apiVersion, kind], metadata.name).toEqual(["serving.kserve.io/v1alpha1", "ClusterServingRuntime"]);
  });

  it("is run by one of our hosts, with KServe's arguments, or is a server of others, as a process and as an image", () => {
    const others = documents.filter(({ metadata }) => metadata.annotations?.["nitrous/program"] !== undefined);
    expect(others.map(({ metadata }) => metadata.name)).toEqual([
      "kserve-vllmserver",
      "tei",
      "tensorflow-serving",
      "tgi",
      "torchserve",
      "triton",
      "vllm",
    ]);
    for (const { metadata, spec } of documents.filter((document) => !others.includes(document))) {
      expect(["python", "node", "auto"], metadata.name).toContain(metadata.annotations?.["nitrous/host"]);
      expect(spec.containers, metadata.name).toEqual([
        {
          name: "kserve-container",
          image: "nitrous",
          args: ["--model_name={{.Name}}", "--model_dir=/mnt/models", "--http_port=8080"],
        },
      ]);
    }
    for (const { metadata, spec } of others) {
      const [container, second] = listIn(spec, "containers");
      expect(second, metadata.name).toBeUndefined();
      // Each is measured by its probes, and no image may change under a service.
      expect(container, metadata.name).toMatchObject({
        command: [expect.any(String)],
        startupProbe: expect.any(Object),
        readinessProbe: { httpGet: { path: expect.any(String) } },
      });
      expect(textIn(container, "image"), metadata.name).toMatch(/:[\w.-]*\d[\w.-]*$/);
    }
  });

  it("says of a format what KServe says under that name, and nothing more", () => {
    const ours = documents.filter(({ metadata }) => metadata.name.startsWith("kserve-"));
    expect(ours.length).toBeGreaterThan(8);
    for (const { metadata, spec } of ours) {
      const theirs = stock.find((document) => document.metadata.name === metadata.name)?.spec;
      // Of Triton's formats this server has two.
      const names = metadata.name === "kserve-tritonserver" ? ["onnx", "triton"] : SERVED;
      const served = listIn(theirs, "supportedModelFormats").filter((format) => names.includes(textIn(format, "name") ?? ""));
      expect(spec.supportedModelFormats, metadata.name).toEqual(served);
      // gRPC needs a later version.
      const protocols = listIn(theirs, "protocolVersions").filter((protocol) => !String(protocol).startsWith("grpc"));
      expect(listIn(spec, "protocolVersions"), metadata.name).toEqual(protocols);
    }
  });
});
