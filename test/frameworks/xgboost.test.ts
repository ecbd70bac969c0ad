import { cutOff, describeFormat } from "./format-suite.ts";

const row = { area: 84.5, rooms: 3, district: "hills" };

describeFormat({
  name: "xgboost",
  format: "xgboost",
  artefact: "model/model.ubj",
  badRequests: [
    { what: "a column is missing", body: { instances: [{ area: 84.5, rooms: 3 }] }, says: /missing required input\(s\) \['district'\]/ },
    {
      what: "an unknown category",
      body: { instances: [{ ...row, district: "moon" }] },
      says: /column 'district' cannot be 'moon', which training did not have; it had centre, harbour, hills/,
    },
    { what: "too long a row", body: { instances: [[1, 2, "hills", 4]] }, says: /instance 0 has 4 values/ },
    {
      what: "a datatype that the column does not have",
      body: {
        inputs: ["area", "rooms", "district"].map((name) => ({ name, datatype: "FP32", shape: [1], data: [1] })),
      },
      says: /'district' data-type is 'FP32', but model 'flats-xgboost' expects 'BYTES'/,
    },
  ],
  badArtefacts: [cutOff("model/model.ubj", /model\.ubj is not a whole XGBoost file/)],
});
