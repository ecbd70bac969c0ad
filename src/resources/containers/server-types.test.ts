import { describe, expect, it } from "vitest";
import { serverTypeOf, taggedImage } from "./server-types.ts";

const GPU = { resources: { limits: { "nvidia.com/gpu": 1 } } };
const MIG = { resources: { limits: { "nvidia.com/mig-1g.5gb": 1 } } };
const TYPE = "serving.kserve.io/server-type";

describe("taggedImage", () => {
  // KServe's own cases (TestUpdateImageTag).
  it.each([
    ["tfserving", {}, "2.6.2", "kserve-tensorflow-serving", {}, "tfserving:2.6.2"],
    ["tfserving:1.14.0", GPU, undefined, "kserve-tensorflow-serving", {}, "tfserving:1.14.0-gpu"],
    ["tfserving:1.14.0", MIG, undefined, "kserve-tensorflow-serving", {}, "tfserving:1.14.0-gpu"],
    ["huggingfaceserver:1.14.0", GPU, undefined, "kserve-huggingfaceserver", {}, "huggingfaceserver:1.14.0-gpu"],
    ["localhost:8888/tfserving:1.14.0", GPU, undefined, "kserve-tensorflow-serving", {}, "localhost:8888/tfserving:1.14.0-gpu"],
    ["localhost:8888/tfserving", {}, "2.6.2", "kserve-tensorflow-serving", {}, "localhost:8888/tfserving:2.6.2"],
    ["localhost:8888/tfserving:1.2.3", {}, "2.6.2", "kserve-tensorflow-serving", {}, "localhost:8888/tfserving:2.6.2"],
    [
      "huggingfaceserver@sha256:abcdef1234567890",
      {},
      "2.6.2",
      "kserve-tensorflow-serving",
      {},
      "huggingfaceserver@sha256:abcdef1234567890",
    ],
    ["vllm/vllm-openai:latest", GPU, undefined, "kserve-vllmserver", {}, "vllm/vllm-openai:latest"],
    ["vllm/vllm-openai:latest", {}, undefined, "kserve-vllmserver", {}, "vllm/vllm-openai-cpu:latest"],
    ["localhost:8888/vllm/vllm-openai:v0.5.0", {}, undefined, "kserve-vllmserver", {}, "localhost:8888/vllm/vllm-openai-cpu:v0.5.0"],
    ["vllm/vllm-openai-cpu:v0.5.0", {}, undefined, "kserve-vllmserver", {}, "vllm/vllm-openai-cpu:v0.5.0"],
    ["vllm/vllm-openai", {}, undefined, "kserve-vllmserver", {}, "vllm/vllm-openai"],
    ["vllm/vllm-openai:latest", {}, "v0.5.0", "kserve-vllmserver", {}, "vllm/vllm-openai:v0.5.0"],
    ["vllm/vllm-openai:latest", {}, undefined, "my-custom-vllm", { [TYPE]: "vllmserver" }, "vllm/vllm-openai-cpu:latest"],
    ["vllm/vllm-openai:latest", {}, undefined, "kserve-mlserver", { [TYPE]: "vllmserver" }, "vllm/vllm-openai-cpu:latest"],
    ["vllm/vllm-openai:latest", {}, undefined, "my-custom-vllm", {}, "vllm/vllm-openai:latest"],
  ])("gives %s with %j, version %s, of %s %j: %s", (image, container, version, runtime, annotations, expected) => {
    expect(taggedImage(image, container, version, serverTypeOf(runtime, annotations as Record<string, string>))).toBe(expected);
  });
});
