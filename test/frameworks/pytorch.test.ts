import { join } from "node:path";
import { cutOff, describeFormat, type FormatExample, runPython } from "./format-suite.ts";

const example: FormatExample = {
  name: "pytorch",
  format: "pytorch",
  artefact: "model/model.pt",
  badRequests: [
    {
      what: "a wrong shape",
      body: { inputs: [{ name: "points", datatype: "FP32", shape: [1, 3], data: [1, 2, 3] }] },
      says: /Expected \[-1,2\], got \[1,3\]/,
    },
    {
      what: "text",
      body: { inputs: [{ name: "points", datatype: "BYTES", shape: [1, 2], data: ["a", "b"] }] },
      says: /data-type is 'BYTES', but model 'circle-pytorch' expects 'FP32'/,
    },
    {
      what: "two tensors",
      body: { inputs: ["points", "more"].map((name) => ({ name, datatype: "FP32", shape: [1, 2], data: [1, 2] })) },
      says: /expected 1 inputs but got 2/,
    },
  ],
  badArtefacts: [
    cutOff("model/model.pt", /model\.pt is not a whole PyTorch file/),
    {
      what: "a pickled module",
      async change(folder) {
        const mark = join(folder, "ran");
        const lines = [
          "import os, sys, torch",
          "class Module(torch.nn.Module):",
          "    def __reduce__(self): return os.mkdir, (sys.argv[2],)",
          "torch.save(Module(), sys.argv[1])",
        ];
        await runPython(example, folder, ["-c", lines.join("\n"), join(folder, example.artefact), mark]);
        return mark;
      },
      says: /model\.pt is a pickle that names \w+\.mkdir.*annotation nitrous\/trust: pickle/,
    },
  ],
};

describeFormat(example);
