import { describe, expectTypeOf, it } from "vitest";
import { defineMethod, defineModel } from "./custom-model.ts";

describe("types of models", () => {
  it("follow from the declarations", () => {
    defineModel({
      inputs: { x: "FP32[-1,4]", text: "BYTES[-1]" },
      outputs: { y: "FP64[-1]" },
      padding: { x: 0 },
      cost: "x",
      settings: { scale: 1, name: "a" },
      load(directory, settings) {
        expectTypeOf(directory).toEqualTypeOf<string>();
        expectTypeOf(settings).toEqualTypeOf<{ readonly scale: number; readonly name: string }>();
      },
      predict({ x, text }, { signal }) {
        expectTypeOf(x.data).toEqualTypeOf<Float32Array>();
        expectTypeOf(text.data).toEqualTypeOf<readonly string[]>();
        expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
        return { y: [...x.data] };
      },
    });
    // @ts-expect-error: an output is missing
    defineModel({ inputs: { x: "FP32[-1]" }, outputs: { y: "FP32[-1]" }, predict: ({ x }) => ({ z: x.data }) });
    // @ts-expect-error: no datatype is called so
    defineModel({ inputs: { x: "FLOAT[-1]" }, predict: () => 1 });
    // @ts-expect-error: there is no such input
    defineModel({ inputs: { x: "FP32[-1]" }, cost: "y", predict: () => 1 });
    defineModel({
      methods: {
        count: defineMethod({ inputs: { text: "BYTES[-1]" }, run: ({ text }) => text.data.length }),
        plain: defineMethod({ run: ({ instances, ...columns }) => [instances.length, columns.any] }),
      },
    });
  });
});
