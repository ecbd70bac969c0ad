export { type IntegerRule, tensorOfJson, tensorsOfColumns, tensorsOfRows } from "./json-tensors.ts";
export { describe, isObject, type JsonObject } from "./json-value.ts";
export { parseJson } from "./parse-json.ts";
export { PlainJson } from "./plain-json.ts";
export { readData } from "./read-data.ts";
export { readPlainData } from "./read-plain-data.ts";
export { binaryElements, readBinary, type TensorSide } from "./tensor-bytes.ts";
export { type ElementRules, elementWriter, writeNested } from "./write-elements.ts";
export { writeJson } from "./write-json.ts";
