import { type Attack, OIP, post, SERVICES, V1 } from "./attack.ts";

const v1 = (name: string, body: string | Uint8Array, more: Partial<Attack> = {}): Attack => ({
  name,
  status: 400,
  send: post(V1, body),
  ...more,
});
const oip = (name: string, body: string, more: Partial<Attack> = {}): Attack => ({ name, status: 400, send: post(OIP, body), ...more });
const kube = (name: string, body: string, more: Partial<Attack> = {}): Attack => ({
  name,
  status: 422,
  body: "Status",
  send: post(SERVICES, body, { "Content-Type": "application/json" }),
  ...more,
});

const service = (metadata: string, more = ""): string =>
  `{"apiVersion":"serving.kserve.io/v1beta1","kind":"InferenceService","metadata":${metadata},"spec":{"predictor":{"model":{"modelFormat":{"name":"onnx"},"storageUri":"file:///nowhere"}}}${more}}`;

/** JSON that is none, or more than it seems. */
export const JSON_ATTACKS: readonly Attack[] = [
  v1("JSON that is very deep", `{"instances":${"[".repeat(50_000)}${"]".repeat(50_000)}}`, { repeated: true }),
  kube("JSON that is very deep, for the control API", `{"a":${"[".repeat(50_000)}${"]".repeat(50_000)}}`, { status: 400 }),
  v1("brackets that are never closed", "[{".repeat(100_000)),
  v1("millions of empty lists", `{"instances":[${"[],".repeat(2_100_000)}[]]}`),
  v1("millions of strings", `{"instances":[${'"",'.repeat(2_100_000)}""]}`),
  v1("millions of keys in one object", `{"instances":[{${'"":1,'.repeat(2_100_000)}"":1}]}`),
  oip("a string of 8 MB where an object is expected", `{"inputs":["${"x".repeat(8e6)}"]}`, { repeated: 40 }),
  oip("a string of 8 MB beside an integer that is not exact", `{"inputs":["${"x".repeat(8e6)}",12345678901234567890]}`, { repeated: 40 }),
  oip("a key of 8 MB", `{"inputs":[{"${"x".repeat(8e6)}":1}]}`),
  oip("parameters with a key of 1 MB", `{"inputs":[],"parameters":{"${"x".repeat(1e6)}":[]}}`),
  oip(
    "keys that are given twice, the last of which counts",
    '{"inputs":[{"name":"x","datatype":"FP64","shape":[1,2],"data":[1,2]}],"inputs":7}',
  ),
  v1("__proto__ in the place of the body's keys", '{"__proto__":{"instances":[1]}}'),
  v1("__proto__ beside an integer that is not exact", '{"__proto__":{"instances":[1]},"n":12345678901234567890}'),
  v1("constructor and prototype", '{"constructor":{"prototype":{"instances":[1]}}}'),
  oip("__proto__ as a tensor", '{"inputs":[{"__proto__":{"name":"x","datatype":"FP64","shape":[1,2],"data":[1,2]}}]}'),
  oip("__proto__ as a parameter", '{"inputs":[],"parameters":{"__proto__":{"polluted":true}}}'),
  oip("toString as a datatype", '{"inputs":[{"name":"x","datatype":"toString","shape":[1,2],"data":[1,2]}]}'),
  kube("__proto__ as the name of a service", service('{"name":"__proto__"}')),
  kube("__proto__ as a label", service('{"name":"a","labels":{"__proto__":"x"}}')),
  kube("__proto__ beside spec", service('{"name":"a"}', ',"__proto__":{"polluted":true}')),
  kube("a resource that is not an object", "[]", { status: 400 }),
  kube("an integer that a resource cannot hold", service('{"name":"a","generation":12345678901234567890}'), { status: 400 }),
  oip("a number of a million digits", `{"inputs":[{"name":"x","datatype":"FP64","shape":[1,2],"data":[${"1".repeat(1e6)},2]}]}`, {
    repeated: true,
  }),
  v1("a million digits and no number", `{"instances":[${"1".repeat(1e6)}x]}`),
  v1("NaN", '{"instances":[NaN]}'),
  v1("Infinity", '{"instances":[-Infinity]}'),
  oip("a number that is infinite", '{"inputs":[{"name":"x","datatype":"FP64","shape":[1,2],"data":[1e999,2]}]}'),
  v1("bytes that are not UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])),
  v1("an overlong slash", Buffer.from([0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x3a, 0x31, 0x7d])),
  v1("a byte order mark", '\ufeff{"instances":[1]}'),
  v1("UTF-16", Buffer.from('{"instances":[1]}', "utf16le")),
  v1("text after the JSON", '{"instances":[1]}{"instances":[2]}'),
  v1("a NUL after the JSON", '{"instances":[1]}\0'),
  v1("an empty body", ""),
  v1("a comment in the JSON", '{"instances":[1]/* */}'),
];
