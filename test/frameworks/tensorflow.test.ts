import { cutOff, describeFormat, type FormatExample, runPython } from "./format-suite.ts";

const example: FormatExample = {
  name: "tensorflow",
  format: "tensorflow",
  artefact: "model/1",
  badRequests: [
    {
      what: "a wrong shape",
      body: { inputs: [{ name: "points", datatype: "FP32", shape: [1, 3], data: [1, 2, 3] }] },
      says: /Expected \[-1,2\], got \[1,3\]/,
    },
    {
      what: "a wrong datatype",
      body: { inputs: [{ name: "points", datatype: "INT64", shape: [1, 2], data: [1, 2] }] },
      says: /data-type is 'INT64', but model 'circle-tensorflow' expects 'FP32'/,
    },
    {
      what: "an input of another name",
      body: { inputs: [{ name: "point", datatype: "FP32", shape: [1, 2], data: [1, 2] }] },
      says: /Did you mean 'points'/,
    },
    {
      what: "a missing input of another signature",
      path: "/methods/describe/infer",
      body: { inputs: [{ name: "points", datatype: "FP32", shape: [1, 2], data: [1, 2] }] },
      says: /missing required input\(s\) \['names'\]/,
    },
  ],
  badArtefacts: [
    cutOff("model/1/saved_model.pb", /saved_model\.pb is not a whole SavedModel/),
    cutOff("model/1/variables/variables.data-00000-of-00001", /cannot be loaded with TensorFlow/),
    {
      what: "operations that write files",
      change: (folder) => rewrite(folder, "tf.io.write_file('/tmp/ran', 'x')"),
      says: /operation WriteFile .* reaches files.*annotation nitrous\/trust: code/,
    },
  ],
};

/** Saves another model, with a statement in its function. */
async function rewrite(folder: string, statement: string): Promise<void> {
  const lines = [
    "import sys, tensorflow as tf",
    "class Model(tf.Module):",
    "    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, 'points')])",
    "    def answer(self, points):",
    `        ${statement}`,
    "        return points",
    "model = Model()",
    "tf.saved_model.save(model, sys.argv[1], signatures=model.answer)",
  ];
  await runPython(example, folder, ["-c", lines.join("\n"), `${folder}/model/1`]);
}

describeFormat(example);
