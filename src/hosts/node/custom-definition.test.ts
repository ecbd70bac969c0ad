import { describe, expect, it } from "vitest";
import { type Definition, define, findModel } from "./custom-definition.ts";
import { CustomMethod } from "./custom-method.ts";
import { defineMethod, defineModel } from "./custom-model.ts";
import { readSettings } from "./custom-settings.ts";
import type { ModelCall } from "./hosted-model.ts";

function definitionOf(module: Record<string, unknown>): Definition {
  const found = findModel(module);
  const instance = found.isClass ? new (found.model as new () => object)() : found.model;
  return define(found, instance as Record<string, unknown>);
}

function methodOf(module: Record<string, unknown>, name?: string): CustomMethod {
  const { methods, defaultMethod } = definitionOf(module);
  const chosen = name ?? defaultMethod;
  return new CustomMethod(chosen, methods[chosen] as Definition["methods"][string]);
}

function rows(...values: number[]): ModelCall {
  return {
    method: "",
    payload: { kind: "rows", rows: values },
    outputs: undefined,
    parameters: {},
    signal: new AbortController().signal,
  };
}

async function chunks(method: CustomMethod): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const chunk of method.stream(rows(1))) all.push(chunk.kind === "json" ? chunk.value : chunk.kind);
  return all;
}

class Base {
  predict(): number {
    return this.other();
  }
  inherited(): number {
    return 0;
  }
  protected other(): number {
    return 1;
  }
}

describe("which methods a module has", () => {
  it("is what its class itself defines, with predict wherever that comes from", async () => {
    class Model extends Base {
      #secret = 2;
      load(): void {
        this.#secret = 3;
      }
      encode(): number {
        return this.#secret;
      }
      _helper(): void {}
      get size(): number {
        return 1;
      }
    }
    const { methods, defaultMethod, load } = definitionOf({ Model });
    expect([Object.keys(methods), defaultMethod]).toEqual([["encode", "predict"], "predict"]);
    load?.("", {});
    expect(await methodOf({ Model }).run(rows(1))).toEqual({ kind: "json", value: 1 });
    expect(await methodOf({ Model }, "encode").run(rows(1))).toEqual({ kind: "json", value: 2 });
  });

  it("is what its class lists", () => {
    class Model extends Base {
      static methods = ["inherited", "own"];
      own(): void {}
    }
    expect(Object.keys(definitionOf({ default: Model }).methods)).toEqual(["inherited", "own"]);
    expect(() =>
      definitionOf({
        Model: class extends Base {
          static methods = ["none"];
        },
      }),
    ).toThrow("'none', which it does not have");
    expect(() =>
      definitionOf({
        Model: class {
          static defaultMethod = "b";
          a(): void {}
        },
      }),
    ).toThrow("its defaultMethod is 'b', which is no method; there are a");
  });

  it("is what functions it exports, one as the default too, or what defineModel was given", () => {
    const a = (): number => 1;
    expect(definitionOf({ a, Helper: class {}, text: "x", _b: a, load: a }).defaultMethod).toBe("a");
    expect(Object.keys(definitionOf({ default: a, other: a }).methods)).toEqual(["predict", "other"]);
    const several = defineModel({
      defaultMethod: "second",
      methods: { first: defineMethod({ run: a }), second: defineMethod({ run: a }) },
    });
    expect(definitionOf({ default: several }).defaultMethod).toBe("second");
    expect(() => findModel({ value: 1, Helper: class {} })).toThrow("it exports value, Helper");
    expect(() => definitionOf({ default: { methods: { a: {} } } })).toThrow("its method 'a' has no function 'run'");
  });
});

describe("what is declared of methods", () => {
  it("is about all, about those that are named, or about the default one", () => {
    const module = {
      batchable: true,
      stateful: ["a"],
      inputs: { x: "FP32[-1]" },
      outputs: { b: { y: "FP32[-1]" } },
      cost: "x",
      defaultMethod: "a",
      a: () => 1,
      b: () => 1,
    };
    const [a, b] = ["a", "b"].map((name) => methodOf(module, name).signature);
    expect([a?.batchable, b?.batchable, a?.stateful, b?.stateful]).toEqual([true, true, true, false]);
    expect([a?.accepts, b?.accepts, a?.sizing, b?.sizing]).toEqual(["tensors", "json", { cost: "x" }, undefined]);
    expect(b?.outputs).toEqual([{ name: "y", datatype: "FP32", shape: [-1], declared: true }]);
    expect(() => methodOf({ ...module, batchable: ["c"] })).toThrow("its batchable names 'c', which is no method; there are a, b");
    expect(() => methodOf({ ...module, inputs: { x: "FLOAT" } })).toThrow("'x' is declared as 'FLOAT'");
  });

  it("streams are known of generators, and declared of others", async () => {
    function* counted(): Generator<number> {
      yield* [1, 2];
    }
    const module = {
      counted,
      wrapped: () => counted(),
      async *asynchronous() {
        yield 3;
      },
      streaming: ["wrapped"],
      batchable: true,
    };
    for (const name of ["counted", "wrapped", "asynchronous"])
      expect(methodOf(module, name).signature).toMatchObject({ streaming: true, batchable: false });
    expect(await chunks(methodOf(module, "wrapped"))).toEqual([1, 2]);
    expect(await chunks(methodOf(module, "asynchronous"))).toEqual([3]);
    await expect(methodOf({ ...module, streaming: undefined }, "wrapped").run(rows(1))).rejects.toThrow("declare streaming for it");
  });

  it("an example of rows is bound to the inputs", async () => {
    const seen: unknown[] = [];
    const model = defineModel({
      inputs: { x: "FP32[-1]" },
      predict({ x }) {
        seen.push(x);
        return 1;
      },
    });
    await methodOf({ default: model }).warmUp({ kind: "rows", rows: [1, 2] });
    expect(seen).toEqual([{ datatype: "FP32", shape: [2], data: Float32Array.of(1, 2) }]);
    await expect(methodOf({ default: model }).warmUp({ kind: "rows", rows: ["a"] })).rejects.toThrow("its example does not fit its inputs");
  });
});

describe("settings", () => {
  it("are converted to the types of their defaults", () => {
    const defaults = { size: 1, on: false, name: "a" };
    expect(readSettings({}, defaults, false)).toEqual(defaults);
    expect(readSettings({ size: "2", on: true, name: "b" }, defaults, false)).toEqual({ size: 2, on: true, name: "b" });
    expect(() => readSettings({ size: "x" }, defaults, true)).toThrow('the setting size is "x": expected a number');
    expect(() => readSettings({ on: "perhaps" }, defaults, true)).toThrow("expected true or false");
    expect(() => readSettings({ sise: "1" }, defaults, true)).toThrow("the model takes no setting sise; it takes size, on, name");
  });

  it("go as they are to a model that takes them and names none", () => {
    expect(readSettings({ a: "1" }, undefined, true)).toEqual({ a: "1" });
    expect(() => readSettings({ a: "1" }, undefined, false)).toThrow("its constructor and its load take none");
  });
});
