import type { Payload } from "../core/inference.ts";
import { bind } from "../models/index.ts";
import { decodePredict } from "../protocols/kserve-v1/index.ts";
import { decodeInfer, writeData } from "../protocols/oip/rest/index.ts";
import { encodePredictions } from "../protocols/shared/index.ts";
import { packOwn, type Transfer, unpack } from "./packing.ts";
import type { Answer, ReadInfer, ReadPredict, Task } from "./tasks.ts";

const encoder = new TextEncoder();

/** Does a task with the same functions that small requests are served with; the buffers of its answer go into `transfer`. @throws ServeError */
export function perform(task: Task, transfer: Transfer): Answer {
  switch (task.kind) {
    case "read-predict":
      return readPredict(task, transfer);
    case "read-infer":
      return readInfer(task, transfer);
    case "write-predict":
      return encoded(encodePredictions({ kind: "tensors", tensors: unpack(task.tensors) }), transfer);
    case "write-infer":
      return unpack(task.tensors).map((tensor) => encoded(writeData(tensor), transfer));
  }
}

function readPredict({ body, signature, model }: Extract<Task, { kind: "read-predict" }>, transfer: Transfer): ReadPredict {
  const { payload, ...rest } = decodePredict(body);
  // The signature is the one of the path; one that the body names is looked up when the body has been read.
  return { ...rest, payload: packed(rest.method === undefined ? bind(payload, signature, model) : payload, transfer) };
}

function packed(payload: Payload, transfer: Transfer): ReadPredict["payload"] {
  return payload.kind === "tensors" ? { kind: "tensors", tensors: packOwn(payload.tensors, transfer) } : payload;
}

function readInfer({ body, headers }: Extract<Task, { kind: "read-infer" }>, transfer: Transfer): ReadInfer {
  const { tensors, binary, ...rest } = decodeInfer(body, headers);
  return { ...rest, tensors: packOwn(tensors, transfer), binary: rest.outputs?.filter(binary) ?? binary("") };
}

function encoded(text: string, transfer: Transfer): Uint8Array {
  const bytes = encoder.encode(text);
  transfer.add(bytes.buffer);
  return bytes;
}
