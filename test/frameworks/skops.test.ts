import { readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cutOff, describeFormat, runPython } from "./format-suite.ts";

const columns = (area: unknown, district: unknown) => [
  { name: "area", datatype: "FP64", shape: [1], data: [area] },
  { name: "rooms", datatype: "FP64", shape: [1], data: [2] },
  { name: "district", datatype: "BYTES", shape: [1], data: [district] },
];
const example = { name: "skops", format: "sklearn", artefact: "model/model.skops" } as const;

/** A transformer whose function is one of the operating system's, which it would give its input to. */
const WITH_CODE = `
import os, sys, skops.io
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
skops.io.dump(make_pipeline(FunctionTransformer(os.remove)), sys.argv[1])
`;

describeFormat({
  ...example,
  badRequests: [
    { what: "a column is missing", body: { inputs: columns(1, "hills").slice(1) }, says: /missing required input\(s\) \['area'\]/ },
    { what: "an unknown category", body: { inputs: columns(1, "moon") }, says: /unknown categories \['moon'\]/ },
    { what: "a missing number", body: { inputs: columns("x", "hills") }, says: /inputs\[0\]|FP64/ },
  ],
  badArtefacts: [
    cutOff("model/model.skops", /not a whole skops file.*write it again with skops\.io\.dump/),
    {
      what: "code, which nobody trusts",
      async change(folder) {
        const mark = join(tmpdir(), `nitrous-ran-${process.pid}-skops`);
        await runPython(example, folder, ["-c", WITH_CODE, join(folder, "model/model.skops")]);
        return mark;
      },
      says: /refers to posix\.remove, which neither skops nor nitrous knows to be harmless.*nitrous\/trust: pickle/s,
    },
    {
      what: "a method that no estimator has",
      async change(folder) {
        const file = join(folder, "service.yaml");
        await writeFile(file, (await readFile(file, "utf8")).replace("predict_proba", "guess"));
      },
      says: /the setting method is 'guess': expected one of predict, predict_proba, decision_function, transform/,
    },
  ],
});
