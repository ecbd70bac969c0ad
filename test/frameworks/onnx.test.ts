import { rm } from "node:fs/promises";
import { join } from "node:path";
import { cutOff, describeFormat, runPython } from "./format-suite.ts";

/** ONNX Runtime's own Python package: the models themselves need none. */
const RUNTIME = { format: "python", artefact: "make.py", requirementsText: "onnxruntime\nnumpy\n" } as const;

const inputs = [
  { name: "values", datatype: "FP32", shape: [1, 3], data: [1, 2, 3] },
  { name: "label", datatype: "BYTES", shape: [1, 1], data: ["x"] },
  { name: "count", datatype: "INT64", shape: [1, 1], data: [1] },
];
const [values, label, count] = inputs;

describeFormat({
  name: "onnx",
  format: "onnx",
  artefact: "model/model.onnx",
  expected: async (folder) => JSON.parse(await runPython(RUNTIME, folder, [join(folder, "make.py"), "--expected"])),
  badRequests: [
    { what: "an input that is missing", body: { inputs: [values, label] }, says: /missing required input\(s\) \['count'\]/ },
    {
      what: "another datatype",
      body: { inputs: [{ ...values, datatype: "FP64" }, label, count] },
      says: /input 'values' data-type is 'FP64', but model 'labels-onnx' expects 'FP32'/,
    },
    {
      what: "a wrong shape",
      body: { inputs: [{ ...values, shape: [1, 2], data: [1, 2] }, label, count] },
      says: /unexpected shape for input 'values' for model 'labels-onnx'. Expected \[-1,3\], got \[1,2\]/,
    },
    { what: "an unknown input", body: { inputs: [...inputs, { ...values, name: "more" }] }, says: /unexpected inference input 'more'/ },
    {
      what: "rows that differ in number",
      body: { inputs: [{ ...values, shape: [2, 3], data: [1, 2, 3, 4, 5] }, label, count] },
      says: /values/,
    },
  ],
  badArtefacts: [
    cutOff(
      "model/model.onnx",
      /its file is not an ONNX model that can be read here: .*; if it is damaged or cut off, copy or export it again/,
    ),
    cutOff("model/model.onnx.data", /put the files with the weights that the export wrote/),
    {
      what: "weights that are not there",
      change: (folder) => rm(join(folder, "model/model.onnx.data")),
      says: /put the files with the weights that the export wrote/,
    },
  ],
});
