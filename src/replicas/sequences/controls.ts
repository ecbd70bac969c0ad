import { ServeError } from "../../core/errors.ts";
import type { SequenceControl } from "../../core/model-configuration.ts";
import type { SequenceStep } from "../../core/replica.ts";
import type { Datatype, Tensor } from "../../core/tensor.ts";

/** Of a request that belongs to no sequence, such as one of a warm-up: it is a sequence of its own. */
export const LONE_STEP: SequenceStep = { id: 0n, start: true, end: true };

/**
 * The inputs that tell a model where one request stands in its sequence, each of shape [1], or [1, 1] with a dimension of rows.
 * Undefined stands for the null request of a slot that has none: it is not ready, and its id is 0.
 * @throws ServeError INVALID_ARGUMENT for a sequence id that the model's input cannot hold
 */
export function controlTensors(controls: readonly SequenceControl[], step: SequenceStep | undefined, hasRows: boolean): Tensor[] {
  const shape = hasRows ? [1, 1] : [1];
  return controls.map((control) => {
    const { name } = control;
    if (control.kind === "correlation-id") return correlationTensor(name, control.datatype, shape, step?.id ?? 0n);
    const holds = step !== undefined && (control.kind === "ready" || step[control.kind]);
    const value = control.values[holds ? 1 : 0];
    return { name, datatype: control.datatype, shape, data: flagBytes(control.datatype, value) };
  });
}

function flagBytes(datatype: "INT32" | "FP32" | "BOOL", value: number): Uint8Array {
  if (datatype === "BOOL") return Uint8Array.of(value === 0 ? 0 : 1);
  const bytes = Buffer.alloc(4);
  if (datatype === "INT32") bytes.writeInt32LE(value);
  else bytes.writeFloatLE(value);
  return bytes;
}

/** What each datatype of a correlation id holds: how many bits, and whether one of them is a sign. */
const INTEGERS: Partial<Record<Datatype, { readonly bits: 32 | 64; readonly signed: boolean }>> = {
  UINT64: { bits: 64, signed: false },
  INT64: { bits: 64, signed: true },
  UINT32: { bits: 32, signed: false },
  INT32: { bits: 32, signed: true },
};

function correlationTensor(name: string, datatype: Datatype, shape: readonly number[], id: string | bigint): Tensor {
  if (datatype === "BYTES") return { name, datatype, shape, data: [Buffer.from(String(id))] };
  const kind = INTEGERS[datatype];
  if (kind === undefined) {
    throw new ServeError(
      "INVALID_ARGUMENT",
      `the correlation id '${name}' must be UINT64, INT64, UINT32, INT32 or a string, found ${datatype}`,
    );
  }
  if (typeof id === "string") {
    throw new ServeError(
      "INVALID_ARGUMENT",
      `sequence id ${JSON.stringify(id)} is text, and the model takes ids as ${datatype} in '${name}'; send a whole number`,
    );
  }
  if (id >= 2n ** BigInt(kind.signed ? kind.bits - 1 : kind.bits)) {
    throw new ServeError("INVALID_ARGUMENT", `sequence id ${id} is too large for the model, which takes ids as ${datatype} in '${name}'`);
  }
  const bytes = Buffer.alloc(kind.bits / 8);
  if (kind.bits === 64) bytes.writeBigUInt64LE(id);
  else bytes.writeUInt32LE(Number(id));
  return { name, datatype, shape, data: bytes };
}
