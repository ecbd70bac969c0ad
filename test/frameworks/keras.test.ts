import { join } from "node:path";
import { cutOff, describeFormat, type FormatExample, runPython } from "./format-suite.ts";

const example: FormatExample = {
  name: "keras",
  format: "keras",
  artefact: "model/model.keras",
  badRequests: [
    { what: "a wrong number of values", body: { instances: [[1, 2, 3]] }, says: /Expected \[-1,2\], got \[1,3\]/ },
    { what: "text", body: { instances: [["a", "b"]] }, says: /points/ },
    {
      what: "a wrong datatype",
      body: { inputs: [{ name: "points", datatype: "BYTES", shape: [1, 2], data: ["a", "b"] }] },
      says: /data-type is 'BYTES', but model 'circle-keras' expects 'FP32'/,
    },
  ],
  badArtefacts: [
    cutOff("model/model.keras", /model\.keras is not a whole Keras file/),
    {
      what: "a Lambda layer",
      async change(folder) {
        const mark = join(folder, "ran");
        await save(folder, [
          `def code(x): return x if open(${JSON.stringify(mark)}, 'w') else x`,
          "layer = keras.layers.Lambda(lambda x: code(x), output_shape=(2,))",
        ]);
        return mark;
      },
      says: /Lambda layer \('lambda'\), whose function is Python code.*annotation nitrous\/trust: code/,
    },
    {
      what: "a newer version of Keras",
      async change(folder) {
        const lines = [
          "import json, sys, zipfile",
          "old = zipfile.ZipFile(sys.argv[1]); parts = {name: old.read(name) for name in old.namelist()}; old.close()",
          "parts['metadata.json'] = json.dumps({'keras_version': '99.0.0'})",
          "parts['config.json'] = parts['config.json'].replace(b'\"Dense\"', b'\"DenseOfTomorrow\"')",
          "with zipfile.ZipFile(sys.argv[1], 'w') as new:",
          "    for name, content in parts.items(): new.writestr(name, content)",
        ];
        await runPython(example, folder, ["-c", lines.join("\n"), join(folder, example.artefact)]);
      },
      says: /made with Keras 99\.0\.0.*name keras>=99\.0\.0 in requirements\.txt/,
    },
  ],
};

/** Saves another model, with the layer that the lines make. */
async function save(folder: string, layer: readonly string[]): Promise<void> {
  const lines = ["import sys, keras", ...layer, "keras.Sequential([keras.Input((2,)), layer]).save(sys.argv[1])"];
  await runPython(example, folder, ["-c", lines.join("\n"), join(folder, example.artefact)]);
}

describeFormat(example);
