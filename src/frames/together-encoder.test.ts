import { expect, it } from "vitest";
import { callOrigin } from "../../test/call-origin.ts";
import type { ReplicaCall } from "../core/replica.ts";
import type { Tensor } from "../core/tensor.ts";
import { TogetherEncoder } from "./together-encoder.ts";

const call = (tensors: readonly Tensor[], more: Partial<ReplicaCall> = {}): ReplicaCall => ({
  method: "predict",
  payload: { kind: "tensors", tensors },
  ...more,
});
const numbers = (name: string, shape: readonly number[]): Tensor => ({
  name,
  datatype: "UINT8",
  shape,
  data: new Uint8Array(shape[0] ?? 1),
});
const texts = (...data: string[]): Tensor => ({
  name: "t",
  datatype: "BYTES",
  shape: [data.length],
  data: data.map((text) => Buffer.from(text)),
});

it("says of each request what it is, whatever the one before was", () => {
  const encoder = new TogetherEncoder(7);
  const calls = [
    call([numbers('a"', [2]), numbers("b", [3])]),
    call([numbers('a"', [2]), numbers("b", [3])], { outputs: ["y"], origin: callOrigin({ id: "one", timeoutMs: 5 }) }),
    call([]),
    call([numbers("b", [2])], { sequence: { id: 3n, start: true, end: false } }),
    call([numbers("b", [2, 1])], { origin: callOrigin({}) }),
    call([texts("a")], { parameters: { scale: 2 } }),
    call([texts("ab")]),
  ];
  const { meta, blobs } = encoder.encode(calls);
  const entry = (name: string, datatype: string, shape: number[], bytes: number): object => ({ name, datatype, shape, bytes });
  expect(JSON.parse(meta.text)).toEqual({
    tensors: [
      ...[entry('a"', "UINT8", [2], 2), entry("b", "UINT8", [3], 3), entry('a"', "UINT8", [2], 2), entry("b", "UINT8", [3], 3)],
      ...[entry("b", "UINT8", [2], 2), entry("b", "UINT8", [2, 1], 2), entry("t", "BYTES", [1], 5), entry("t", "BYTES", [1], 6)],
    ],
    model: 7,
    method: "predict",
    requests: [
      { tensors: 2 },
      { tensors: 2, outputs: ["y"], id: "one", timeoutMs: 5 },
      { tensors: 0 },
      { tensors: 1, sequence: { id: 3, start: true, end: false } },
      { tensors: 1 },
      { tensors: 1, parameters: { scale: 2 } },
      { tensors: 1 },
    ],
  });
  expect(blobs.map(({ byteLength }) => byteLength)).toEqual([2, 3, 2, 3, 2, 2, 5, 6]);
});

it("says what a shape is now, when its caller has changed it", () => {
  const encoder = new TogetherEncoder(7);
  const shape = [2, 3];
  const text = (): string => encoder.encode([call([{ name: "a", datatype: "UINT8", shape, data: new Uint8Array(6) }])]).meta.text;
  expect(text()).toContain('"shape":[2,3]');
  shape.reverse();
  expect(text()).toContain('"shape":[3,2]');
});
