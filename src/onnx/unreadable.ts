import { messageOf, ServeError } from "../core/errors.ts";

/** ONNX's element types that the binding for Node has no name for, by their numbers in onnx.proto. */
const NAMELESS: Readonly<Record<string, string>> = {
  14: "COMPLEX64",
  15: "COMPLEX128",
  16: "BFLOAT16",
  17: "FLOAT8E4M3FN",
  18: "FLOAT8E4M3FNUZ",
  19: "FLOAT8E5M2",
  20: "FLOAT8E5M2FNUZ",
  23: "FLOAT4E2M1",
};

/** Why ONNX Runtime did not open a graph, with what to do about it. */
export function unreadable(error: unknown): ServeError {
  const message = plain(messageOf(error));
  const number = /^Unsupported data type: (\d+)$/.exec(message)?.[1];
  if (number !== undefined) {
    const type = NAMELESS[number] ?? `number ${number}`;
    const hint = "export it with FLOAT or FLOAT16 inputs and outputs (a Cast in the graph; inside of it the type may stay)";
    return new ServeError("UNIMPLEMENTED", `an input or output has elements of type ${type}, which ONNX Runtime's binding lacks; ${hint}`);
  }
  const missing = /External data|External initializer|GetFileLength for|external_data/i;
  const hint = missing.test(message)
    ? "put the files with the weights that the export wrote (such as model.onnx.data) beside it, under the names that they were written with"
    : "if it is damaged or cut off, copy or export it again";
  return new ServeError("INVALID_ARGUMENT", `its file is not an ONNX model that can be read here: ${message}; ${hint}`);
}

/** On one line, without the places in ONNX Runtime's sources. */
function plain(message: string): string {
  const [, said = message] = /^(?:Exception during initialization: )?\/\S+:\d+ .*?(\[ONNXRuntimeError\][\s\S]*)$/.exec(message) ?? [];
  return said.replace(/\s+/g, " ").trim().replace(/\.$/, "");
}
