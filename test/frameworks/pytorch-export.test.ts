import { join } from "node:path";
import { cutOff, describeFormat, type FormatExample, runPython } from "./format-suite.ts";

const weights = { name: "weights", datatype: "FP32", shape: [1, 2], data: [0.5, 0.5] };

const example: FormatExample = {
  name: "pytorch-export",
  format: "pytorch",
  artefact: "model/model.pt2",
  badRequests: [
    {
      what: "a missing input",
      body: { inputs: [weights] },
      says: /missing required input\(s\) \['words'\]/,
    },
    {
      what: "a wrong datatype",
      body: { inputs: [{ name: "words", datatype: "FP32", shape: [1, 2], data: [1, 2] }, weights] },
      says: /data-type is 'FP32', but model 'summary-export' expects 'INT64'/,
    },
    {
      what: "a wrong rank",
      body: { inputs: [{ name: "words", datatype: "INT64", shape: [2], data: [1, 2] }, weights] },
      says: /Expected \[-1,-1\], got \[2\]/,
    },
    {
      what: "inputs of different lengths",
      body: { inputs: [{ name: "words", datatype: "INT64", shape: [1, 3], data: [1, 2, 3] }, weights] },
      says: /equal|size|shape/i,
    },
    {
      what: "a word that the model does not know",
      body: { inputs: [{ name: "words", datatype: "INT64", shape: [1, 2], data: [1, 100] }, weights] },
      says: /index out of range/,
    },
  ],
  badArtefacts: [
    cutOff("model/model.pt2", /model\.pt2 is not a whole PyTorch file/),
    {
      what: "machine code",
      change: (folder) => rewrite(folder, "parts['model/data/aotinductor/model/model.so'] = b'ELF'"),
      says: /AOTInductor package of machine code.*annotation nitrous\/trust: code/,
    },
    {
      what: "an expression that is Python",
      async change(folder) {
        const mark = join(folder, "ran");
        const expression = `__import__("os").mkdir(${JSON.stringify(mark)})`;
        await rewrite(
          folder,
          "program = json.loads(parts['model/models/model.json'])",
          `program['graph_module']['graph']['tensor_values']['words']['sizes'][0]['as_expr']['expr_str'] = ${JSON.stringify(expression)}`,
          "parts['model/models/model.json'] = json.dumps(program)",
        );
        return mark;
      },
      says: /has the expr_str .* which no plain program has/,
    },
    {
      what: "a newer version of PyTorch",
      change: (folder) =>
        rewrite(
          folder,
          "program = json.loads(parts['model/models/model.json'])",
          "program['torch_version'] = '99.0.0'; program['schema_version']['major'] = 99",
          "parts['model/models/model.json'] = json.dumps(program)",
        ),
      says: /made with torch 99\.0\.0.*name torch>=99\.0\.0 in requirements\.txt/,
    },
  ],
};

/** Changes the entries of the archive, which the lines find in `parts`. */
async function rewrite(folder: string, ...changes: readonly string[]): Promise<void> {
  const lines = [
    "import json, sys, zipfile",
    "old = zipfile.ZipFile(sys.argv[1]); parts = {name: old.read(name) for name in old.namelist()}; old.close()",
    ...changes,
    "with zipfile.ZipFile(sys.argv[1], 'w') as new:",
    "    for name, content in parts.items(): new.writestr(name, content)",
  ];
  await runPython(example, folder, ["-c", lines.join("\n"), join(folder, example.artefact)]);
}

describeFormat(example);
