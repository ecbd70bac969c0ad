import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pickleWithCode } from "./code.ts";
import { cutOff, describeFormat } from "./format-suite.ts";

const row = { area: 84.5, rooms: 3, district: "hills" };
const column = (name: string, datatype: string, data: readonly unknown[]) => ({ name, datatype, shape: [data.length], data });

describeFormat({
  name: "sklearn",
  format: "sklearn",
  artefact: "model/model.joblib",
  badRequests: [
    { what: "a column is missing", body: { instances: [{ area: 84.5, rooms: 3 }] }, says: /missing required input\(s\) \['district'\]/ },
    { what: "a column too many", body: { instances: [{ ...row, flor: 2 }] }, says: /unexpected inference input 'flor'/ },
    { what: "an unknown category", body: { instances: [{ ...row, district: "moon" }] }, says: /unknown categories \['moon'\] in column/ },
    { what: "text for a number", body: { instances: [{ ...row, area: "large" }] }, says: /could not convert|is "large"|not a value/ },
    { what: "too short a row", body: { instances: [[84.5, 3]] }, says: /instance 0 has 2 values/ },
    {
      what: "columns of different lengths",
      body: { inputs: [column("area", "FP64", [1, 2]), column("rooms", "FP64", [1]), column("district", "BYTES", ["hills"])] },
      says: /'rooms' has 1 rows, not 2/,
    },
    {
      what: "an output that it does not have",
      body: {
        inputs: [column("area", "FP64", [1]), column("rooms", "FP64", [1]), column("district", "BYTES", ["hills"])],
        outputs: [{ name: "transform" }],
      },
      says: /unexpected inference output 'transform'.*predict, predict_proba, decision_function/,
    },
  ],
  badArtefacts: [
    cutOff("model/model.joblib", /not a whole joblib file.*write it again with joblib\.dump/),
    pickleWithCode("model/model.joblib", /refers to posix\.system, which could run code.*nitrous\/trust: pickle/s),
    {
      ...pickleWithCode("model/model.pkl", /refers to posix\.system, which could run code.*nitrous\/trust: pickle/s),
      async change(folder) {
        await rm(join(folder, "model/model.joblib"));
        return await pickleWithCode("model/model.pkl", /./).change(folder);
      },
    },
    {
      what: "made with a scikit-learn that is newer than all",
      async change(folder) {
        const file = join(folder, "model/model.joblib");
        const text = await readFile(file, "latin1");
        await writeFile(file, text.replaceAll(/(_sklearn_version[\s\S]{1,8}?)\d\.\d\.\d/g, "$19.9.9"), "latin1");
      },
      says: /made with scikit-learn 9\.9\.9, which has no wheel/,
    },
    {
      what: "a default output that it does not have",
      async change(folder) {
        const file = join(folder, "service.yaml");
        await writeFile(file, `${await readFile(file, "utf8")}      args:\n        - --method=transform\n`);
      },
      says: /the setting method is transform, which a sklearn\.pipeline\.Pipeline does not have; it has predict, predict_proba/,
    },
  ],
});
