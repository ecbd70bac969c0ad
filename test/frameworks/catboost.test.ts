import { cutOff, describeFormat } from "./format-suite.ts";

const columns = (district: unknown) => [
  { name: "area", datatype: "FP64", shape: [1], data: [50] },
  { name: "rooms", datatype: "INT64", shape: [1], data: [2] },
  { name: "district", datatype: "BYTES", shape: [1], data: [district] },
];

describeFormat({
  name: "catboost",
  format: "catboost",
  artefact: "model/model.cbm",
  badRequests: [
    { what: "a column is missing", body: { inputs: columns("hills").slice(1) }, says: /missing required input\(s\) \['area'\]/ },
    {
      what: "a missing category",
      body: { instances: [{ area: 1, rooms: 1, district: null }] },
      says: /column 'district' has a missing value/,
    },
    {
      what: "a fraction for a category",
      body: { instances: [{ area: 1, rooms: 1, district: 0.5 }] },
      says: /cat_features must be integer or string/,
    },
    {
      what: "text for a number",
      body: { instances: [{ area: "large", rooms: 1, district: "hills" }] },
      says: /Cannot convert 'large' to float/,
    },
  ],
  badArtefacts: [cutOff("model/model.cbm", /model\.cbm is not a whole CatBoost file.*save_model\(format='cbm'\)/)],
});
