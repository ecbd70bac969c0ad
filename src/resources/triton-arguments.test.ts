import { expect, it } from "vitest";
import { readTritonArguments } from "./triton-arguments.ts";

it("knows what arguments ask for, in all forms, the last one of a name, and lists those that change nothing", () => {
  const words = [
    "tritonserver",
    "--model-store=/mnt/models",
    "--http-port",
    "8080",
    "--model-control-mode=poll",
    "--model-control-mode",
    "explicit",
    "--load-model=a",
    "--load-model",
    "b",
    "--model-config-name=fast",
    "--strict-readiness=false",
    "--backend-config=python,shm-default-byte-size=1",
    "--exit-on-error",
  ];
  expect(readTritonArguments(words)).toEqual({
    modelControl: "explicit",
    loadModels: ["a", "b"],
    configurationName: "fast",
    hasOwnBackends: false,
    notInEffect: ["--strict-readiness=false", "--backend-config=python,shm-default-byte-size=1", "--exit-on-error"],
  });
  expect(readTritonArguments(["--load-model=a", "--backend-directory=/b"])).toMatchObject({
    modelControl: "none",
    hasOwnBackends: true,
    notInEffect: ["--load-model=a"],
  });
});
