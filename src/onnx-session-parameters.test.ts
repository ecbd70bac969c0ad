import { describe, expect, it } from "vitest";
import { configurationOf } from "../test/model-configuration.ts";
import type { InstanceGroup } from "./core/model-configuration.ts";
import { readSessionSettings } from "./hosts/node/onnx-settings.ts";
import { sessionParametersOf } from "./onnx-session-parameters.ts";

const group = (kind: InstanceGroup["kind"]): InstanceGroup => ({ name: "g", kind, count: 1, gpus: [], resources: {}, priority: 0 });

describe("parameters of a configuration for ONNX Runtime", () => {
  it("become settings of the session, which its loader knows", () => {
    const { settings, notes } = sessionParametersOf(
      configurationOf({
        parameters: {
          intra_op_thread_count: "3",
          inter_op_thread_count: "2",
          execution_mode: "1",
          enable_mem_arena: "0",
          enable_mem_pattern: "true",
          "session.use_device_allocator_for_initializers": "1",
          of_somebody_else: "x",
        },
        optimization: { graph: { level: 1 } },
      }),
    );
    expect(settings).toEqual({
      batchable: true,
      intra_op_num_threads: 3,
      inter_op_num_threads: 2,
      execution_mode: "parallel",
      enable_cpu_mem_arena: false,
      enable_mem_pattern: true,
      session_config: { "session.use_device_allocator_for_initializers": "1" },
      graph_optimization_level: "extended",
    });
    expect(notes).toEqual([]);
    expect(readSessionSettings(settings, 1).warnings).toEqual([]);
  });

  it("leave what is 0 or not said to the server", () => {
    expect(sessionParametersOf(configurationOf())).toEqual({ settings: { batchable: true }, notes: [] });
    const zeros = configurationOf({
      parameters: { intra_op_thread_count: "0", execution_mode: "0" },
      optimization: { graph: { level: 0 } },
    });
    expect(sessionParametersOf(zeros).settings).toEqual({ batchable: true, execution_mode: "sequential" });
  });

  it.each([
    [-1, "basic"],
    ["1", "extended"],
    [2, "disabled"],
  ])("have a level of optimisation %s, which is %s", (level, expected) => {
    const { settings } = sessionParametersOf(configurationOf({ optimization: { graph: { level } } }));
    expect(settings.graph_optimization_level).toBe(expected);
  });

  it("try accelerators before the processor, unless all instances are on it", () => {
    const accelerated = configurationOf({
      optimization: {
        execution_accelerators: {
          gpu_execution_accelerator: [{ name: "tensorrt", parameters: { precision_mode: "FP16" } }, { name: "magic" }],
          cpu_execution_accelerator: [{ name: "openvino" }],
        },
      },
    });
    const { settings, notes } = sessionParametersOf(accelerated);
    expect(settings.execution_providers).toBe("tensorrt,cuda,cpu");
    expect(notes).toEqual([
      "the accelerator openvino of its configuration has no effect in this server; it runs on ONNX Runtime's own kernels",
      "what the accelerator tensorrt is told (precision_mode) of its configuration has no effect in this server",
      "the accelerator magic of its configuration has no effect in this server; known are tensorrt and cuda",
    ]);
    expect(sessionParametersOf({ ...accelerated, instanceGroups: [group("KIND_CPU")] }).settings).not.toHaveProperty("execution_providers");
    const onGpu = configurationOf({ instanceGroups: [group("KIND_CPU"), group("KIND_GPU")] });
    expect(sessionParametersOf(onGpu).settings.execution_providers).toBe("cuda,cpu");
  });

  it("say what has no effect, and what they cannot be", () => {
    const { notes } = sessionParametersOf(configurationOf({ parameters: { "memory.enable_memory_arena_shrinkage": "cpu:0" } }));
    expect(notes).toEqual(["the parameter memory.enable_memory_arena_shrinkage of its configuration has no effect in this server"]);
    const wrong = (parameters: Record<string, string>): (() => unknown) => {
      return () => sessionParametersOf(configurationOf({ parameters }));
    };
    expect(wrong({ execution_mode: "2" })).toThrow("the parameter execution_mode of its configuration is '2'; expected 0 (sequential)");
    expect(wrong({ intra_op_thread_count: "many" })).toThrow("expected a whole number");
    expect(wrong({ enable_mem_pattern: "maybe" })).toThrow("expected 0 or 1");
  });
});
