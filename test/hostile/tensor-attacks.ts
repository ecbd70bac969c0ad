import { type Attack, OIP, post, TEXTS, V1 } from "./attack.ts";

const BINARY = "Inference-Header-Content-Length";

function input(fields: object): Attack["send"] {
  return post(OIP, JSON.stringify({ inputs: [{ name: "x", datatype: "FP64", shape: [1, 2], data: [1, 2], ...fields }] }));
}

/** An infer request with bytes after its JSON. */
function binary(
  path: string,
  fields: object,
  bytes: Uint8Array,
  headerLength: (json: number) => string | number = (json) => json,
): Attack["send"] {
  const json = JSON.stringify({ inputs: [{ name: "x", datatype: "FP64", shape: [1, 2], ...fields }] });
  return post(path, Buffer.concat([Buffer.from(json), bytes]), { [BINARY]: headerLength(json.length) });
}

const sized = (size: unknown): object => ({ parameters: { binary_data_size: size } });
const attack = (name: string, send: Attack["send"], more: Partial<Attack> = {}): Attack => ({ name, status: 400, send, ...more });
const sixteen = Buffer.alloc(16);
const names = (count: number): string => Array.from({ length: count }, () => "{}").join(",");

/** Tensors that are not what they say. */
export const TENSOR_ATTACKS: readonly Attack[] = [
  attack("a negative dimension", input({ shape: [-1, 2] })),
  attack("a dimension of zero with data", input({ shape: [0, 2] })),
  attack("a dimension with a fraction", input({ shape: [1.5, 2] })),
  attack("a dimension that is no number", input({ shape: ["1", 2] })),
  attack("a dimension beyond 53 bits", post(OIP, '{"inputs":[{"name":"x","datatype":"FP64","shape":[9007199254740993,2],"data":[1,2]}]}')),
  attack("dimensions whose product overflows", input({ shape: [4294967296, 4294967296] }), { repeated: true }),
  attack("dimensions whose product overflows to zero", input({ shape: [4294967296, 4294967296, 0], data: [] })),
  attack("dimensions whose bytes overflow", input({ shape: [1125899906842624, 2] })),
  attack(
    "an empty tensor of very many rows",
    post(OIP, '{"inputs":[{"name":"x","datatype":"FP64","shape":[9007199254740991,0],"data":[]}]}'),
  ),
  attack("a hundred thousand dimensions", input({ shape: Array.from({ length: 1e5 }, () => 1) })),
  attack("a shape that is none", input({ shape: { length: 2 } })),
  attack("a million inputs", post(OIP, `{"inputs":[${names(1e6)}]}`)),
  attack(
    "a million outputs",
    post(OIP, `{"inputs":[{"name":"x","datatype":"FP64","shape":[1,2],"data":[1,2]}],"outputs":[${names(1e6)}]}`),
  ),
  attack(
    "an input that is given twice",
    post(OIP, JSON.stringify({ inputs: [1, 2].map(() => ({ name: "x", datatype: "FP64", shape: [1, 2], data: [1, 2] })) })),
  ),
  attack(
    "an output that is asked for twice",
    post(OIP, '{"inputs":[{"name":"x","datatype":"FP64","shape":[1,2],"data":[1,2]}],"outputs":[{"name":"y"},{"name":"y"}]}'),
  ),
  attack("an input with a name of a megabyte", input({ name: "x".repeat(1e6) }), { repeated: true }),
  attack("an output with a name of a megabyte", post(OIP, `{"inputs":[],"outputs":[{"name":"${"y".repeat(1e6)}"}]}`)),
  attack(
    "an output that the model lacks",
    post(OIP, '{"inputs":[{"name":"x","datatype":"FP64","shape":[1,2],"data":[1,2]}],"outputs":[{"name":"z"}]}'),
  ),
  attack("a datatype that is not known", input({ datatype: "FP128" })),
  attack("less data than the shape says", input({ data: [1] })),
  attack("more data than the shape says", input({ data: Array.from({ length: 1e5 }, () => 1) })),
  attack("data that is nested otherwise than the shape", input({ data: [[1], [2]] })),
  attack("data that is no list", input({ data: "1,2" })),
  attack(
    "rows of a V1 request whose first is the longest",
    post("/v1/models/typed:predict", `{"instances":[[${"1,".repeat(1e6)}1],${"1,".repeat(1e6)}1]}`),
    {
      repeated: false,
    },
  ),
  attack(
    "a length of the JSON of zero",
    binary(OIP, sized(16), sixteen, () => 0),
  ),
  attack(
    "a negative length of the JSON",
    binary(OIP, sized(16), sixteen, () => -1),
  ),
  attack(
    "a length of the JSON that is larger than the body",
    binary(OIP, sized(16), sixteen, () => 1e6),
  ),
  attack(
    "a length of the JSON that is no number",
    binary(OIP, sized(16), sixteen, () => "NaN"),
  ),
  attack(
    "a length of the JSON with a fraction",
    binary(OIP, sized(16), sixteen, (json) => `${json}.5`),
  ),
  attack(
    "a length of the JSON that is given twice",
    binary(OIP, sized(16), sixteen, (json) => `${json}\r\n${BINARY}: ${json}`),
  ),
  attack(
    "a length of the JSON in the middle of it",
    binary(OIP, sized(16), sixteen, (json) => json - 5),
  ),
  attack("a binary size beyond the body", binary(OIP, sized(1e9), sixteen)),
  attack("a binary size below the shape's", binary(OIP, sized(8), sixteen)),
  attack("a negative binary size", binary(OIP, sized(-16), sixteen)),
  attack("a binary size that is no number", binary(OIP, sized("16"), sixteen)),
  attack("bytes after the last tensor", binary(OIP, sized(16), Buffer.alloc(24))),
  attack("a tensor with data and bytes", binary(OIP, { ...sized(16), data: [1, 2] }, sixteen)),
  attack(
    "a string whose length overflows",
    binary(TEXTS, { datatype: "BYTES", shape: [1], ...sized(8) }, Buffer.from([255, 255, 255, 255, 1, 2, 3, 4])),
  ),
  attack("a string whose length is cut off", binary(TEXTS, { datatype: "BYTES", shape: [1], ...sized(3) }, Buffer.from([1, 0, 0]))),
  attack("more strings than the shape says", binary(TEXTS, { datatype: "BYTES", shape: [1], ...sized(400_000) }, Buffer.alloc(400_000)), {
    repeated: 100,
  }),
  attack("a BOOL that is neither", binary(OIP, { datatype: "BOOL", ...sized(2) }, Buffer.from([1, 7]))),
  attack("a number where the model takes text", post(TEXTS, '{"inputs":[{"name":"x","datatype":"BYTES","shape":[1],"data":[1]}]}')),
  attack("instances that are no list", post(V1, '{"instances":{"length":1}}')),
];
