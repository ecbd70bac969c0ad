import type { Payload } from "../src/core/inference.ts";
import type { BytesTensor } from "../src/core/tensor.ts";

/** What a host answers: the head in JSON, and the body. */
export function packed(head: object, body = ""): Payload {
  const json = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.byteLength);
  return {
    kind: "tensors",
    tensors: [{ name: "response", datatype: "BYTES", shape: [1], data: [Buffer.concat([length, json, Buffer.from(body)])] }],
  };
}

/** What a host gets. */
export function unpacked(payload: Payload): {
  headers: Record<string, string>;
  parts: Array<{ name: string; type: string; data: string }>;
} {
  if (payload.kind !== "tensors") throw new Error("no tensors");
  const element = Buffer.from((payload.tensors[0] as BytesTensor).data[0] as Uint8Array);
  let end = 4 + element.readUInt32LE(0);
  const head = JSON.parse(element.toString("utf8", 4, end)) as {
    headers: Record<string, string>;
    parts: Array<{ name: string; type: string; bytes: number }>;
  };
  const parts = head.parts.map(({ name, type, bytes }) => {
    end += bytes;
    return { name, type, data: element.toString("latin1", end - bytes, end) };
  });
  return { headers: head.headers, parts };
}
