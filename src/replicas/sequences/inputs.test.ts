import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { InitialTensor } from "../../core/model-configuration.ts";
import type { SequenceStep } from "../../core/replica.ts";
import { bytesOf, type Datatype, elementsOf, type Tensor } from "../../core/tensor.ts";
import { controlTensors } from "./controls.ts";
import { readInitialTensor } from "./initial-tensor.ts";
import { readInitialStates } from "./states.ts";

const step: SequenceStep = { id: 5n, start: true, end: false };

describe("control inputs", () => {
  const values = (datatype: "INT32" | "FP32" | "BOOL", [no, yes]: readonly [number, number], kind: "start" | "end" | "ready" = "start") =>
    [step, { ...step, start: false }, undefined].map((each) => {
      const [tensor] = controlTensors([{ name: "C", kind, datatype, values: [no, yes] }], each, true);
      expect(tensor).toMatchObject({ name: "C", datatype, shape: [1, 1] });
      return read(tensor)[0];
    });

  it("have the configured values in their datatype", () => {
    expect(values("INT32", [-3, 4])).toEqual([4, -3, -3]);
    expect(values("FP32", [0.5, 1.5])).toEqual([1.5, 0.5, 0.5]);
    expect(values("BOOL", [0, 1])).toEqual([1, 0, 0]);
    expect(values("BOOL", [1, 0])).toEqual([0, 1, 1]);
    expect(values("INT32", [0, 1], "ready")).toEqual([1, 1, 0]);
    expect(values("INT32", [0, 1], "end")).toEqual([0, 0, 0]);
  });

  const idAs = (datatype: Datatype, id: string | bigint | undefined): Tensor | undefined =>
    controlTensors([{ name: "ID", kind: "correlation-id", datatype }], id === undefined ? undefined : { ...step, id }, false)[0];

  it("have the sequence's id, which may be text", () => {
    expect(idAs("UINT64", 2n ** 64n - 1n)).toEqual({ name: "ID", datatype: "UINT64", shape: [1], data: Buffer.alloc(8, 255) });
    expect(read(idAs("INT32", 9n))).toEqual([9]);
    expect(read(idAs("UINT32", undefined))).toEqual([0]);
    expect(idAs("BYTES", "søg")).toMatchObject({ shape: [1], data: [Buffer.from("søg")] });
    expect(idAs("BYTES", 12n)).toMatchObject({ data: [Buffer.from("12")] });
  });

  it("refuse an id that they cannot hold", () => {
    expect(() => idAs("INT32", 2n ** 31n)).toThrow("sequence id 2147483648 is too large for the model, which takes ids as INT32 in 'ID'");
    expect(() => idAs("INT64", 2n ** 63n)).toThrow("too large");
    expect(() => idAs("UINT64", "7")).toThrow('sequence id "7" is text, and the model takes ids as UINT64');
    expect(() => idAs("FP32", 7n)).toThrow("must be UINT64, INT64, UINT32, INT32 or a string, found FP32");
  });
});

describe("initial tensors", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "nitrous-initial-"));
    mkdirSync(join(folder, "initial_state"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const file = (datatype: Datatype, dims: number[], content: Uint8Array): InitialTensor => {
    writeFileSync(join(folder, "initial_state", "data"), content);
    return { datatype, dims, data: { kind: "file", file: "initial_state/data" } };
  };

  it("come from files, whose last bytes may be too many", async () => {
    const numbers = bytesOf(Int32Array.of(1, 2, 3, 4));
    expect(read(await readInitialTensor("S", file("INT32", [3], numbers), folder))).toEqual([1, 2, 3]);
    const texts = Buffer.from("\u0002\0\0\0hi\u0000\0\0\0", "latin1");
    expect(await readInitialTensor("S", file("BYTES", [2], texts), folder)).toMatchObject({ data: [Buffer.from("hi"), Buffer.alloc(0)] });
  });

  it("say what is wrong with a file", async () => {
    await expect(readInitialTensor("S", file("INT32", [3], Buffer.alloc(8)), folder)).rejects.toThrow(
      "'S' expects 12 bytes for INT32 [3], but initial_state/data only has 8 bytes",
    );
    const at = (path: string): InitialTensor => ({ datatype: "INT32", dims: [1], data: { kind: "file", file: path } });
    await expect(readInitialTensor("S", at("initial_state/none"), folder)).rejects.toThrow("in the model's folder: there is no such file");
    await expect(readInitialTensor("S", at("initial_state/../../secret"), folder)).rejects.toThrow(
      "must be a file below the model's folder",
    );
  });

  it("are refused when they would fill the memory", async () => {
    for (const datatype of ["UINT8", "BYTES"] as const) {
      const tensor: InitialTensor = { datatype, dims: [50_000, 50_000], data: { kind: "zero" } };
      await expect(readInitialTensor("S", tensor, folder)).rejects.toThrow(`'S' of ${datatype} [50000,50000] needs`);
    }
    const state = { inputName: "A", outputName: "B", datatype: "FP64", dims: [1e9], initial: undefined } as const;
    await expect(readInitialStates([state], false, folder)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  it("may be random, and are numbers then", async () => {
    for (const datatype of ["FP16", "BF16", "FP32", "FP64", "BOOL", "INT8", "BYTES"] as const) {
      const tensor = await readInitialTensor("R", { datatype, dims: [4, 50], data: { kind: "random" } }, folder);
      expect(tensor.shape).toEqual([4, 50]);
      if (tensor.datatype === "BYTES") expect(new Set(tensor.data.map(String)).size).toBeGreaterThan(1);
      else expect(new Set(read(tensor)).size).toBeGreaterThan(1);
      if (datatype === "BOOL") expect(Math.max(...read(tensor))).toBe(1);
      if (datatype === "FP32") expect(read(tensor).every(Number.isFinite)).toBe(true);
      // All exponents set would be infinite or no number.
      if (datatype === "FP16") expect(read(tensor).every((bits) => (bits & 0x7c00) !== 0x7c00)).toBe(true);
      if (datatype === "BF16") expect(read(tensor).every((bits) => (bits & 0x7f80) !== 0x7f80)).toBe(true);
    }
  });

  it("are zeros for states without them, with one row where the model has rows", async () => {
    const states = [
      { inputName: "A", outputName: "A_OUT", datatype: "FP32", dims: [2, -1], initial: undefined },
      { inputName: "B", outputName: "B_OUT", datatype: "BYTES", dims: [2], initial: undefined },
      {
        inputName: "C",
        outputName: "C_OUT",
        datatype: "INT8",
        dims: [-1],
        initial: { datatype: "INT8", dims: [3], data: { kind: "zero" } },
      },
    ] as const;
    const shapes = (tensors: readonly Tensor[]) => tensors.map(({ name, shape }) => [name, ...shape]);
    expect(shapes(await readInitialStates(states, true, folder))).toEqual([
      ["A", 1, 2, 1],
      ["B", 1, 2],
      ["C", 1, 3],
    ]);
    expect(shapes(await readInitialStates(states, false, folder))).toEqual([
      ["A", 2, 1],
      ["B", 2],
      ["C", 3],
    ]);
  });
});

function read(tensor: Tensor | undefined): number[] {
  if (tensor === undefined || tensor.datatype === "BYTES") throw new Error("expected numbers");
  return Array.from(elementsOf(tensor), Number);
}
