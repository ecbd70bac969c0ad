import { rm } from "node:fs/promises";
import { join } from "node:path";
import { cutOff, describeFormat, runPython } from "./format-suite.ts";

/** The weights that were exported are in trained/, and transformers reads them. */
const TRANSFORMERS = { format: "huggingface", artefact: "trained" } as const;

describeFormat({
  name: "huggingface-onnx",
  format: "huggingface-onnx",
  artefact: "model",
  // Both round to four digits, which may fall on either side.
  tolerance: 2e-4,
  expected: async (folder) =>
    JSON.parse((await runPython(TRANSFORMERS, folder, [join(folder, "make.py"), "--expected"])).trim().split("\n").at(-1) ?? ""),
  badRequests: [
    { what: "no rows", body: { instances: [] }, says: /give at least one instance|no instances|empty/ },
    { what: "a number for a text", body: { instances: [3] }, says: /instance 0: 'text' is 3; expected text/ },
    {
      what: "an unknown key",
      body: { instances: [{ text: "x", txt: "y" }] },
      says: /instance 0 has 'txt', which is unknown; expected 'text', 'text_pair'/,
    },
    {
      what: "half of the pairs",
      body: { instances: ["x", { text: "x", text_pair: "y" }] },
      says: /either all instances have a text_pair, or none/,
    },
    {
      what: "a tensor of numbers",
      body: { inputs: [{ name: "text", datatype: "FP32", shape: [1], data: [1] }] },
      says: /input 'text' is FP32 of shape \[1\]; expected BYTES/,
    },
  ],
  badArtefacts: [
    cutOff("model/model.onnx", /its file is not an ONNX model/),
    cutOff("model/tokenizer.json", /tokenizer.json cannot be read as JSON .*; if it is cut off, copy it again/),
    { what: "no tokenizer.json", change: (folder) => rm(join(folder, "model/tokenizer.json")), says: /it has no tokenizer.json/ },
  ],
});
