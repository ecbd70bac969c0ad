import { cutOff, describeFormat } from "./format-suite.ts";

const columns = (district: unknown) => [
  { name: "area", datatype: "FP64", shape: [1], data: [50] },
  { name: "rooms", datatype: "FP64", shape: [1], data: [2] },
  { name: "district", datatype: "BYTES", shape: [1], data: [district] },
];

describeFormat({
  name: "lightgbm",
  format: "lightgbm",
  artefact: "model/model.bst",
  badRequests: [
    { what: "a column is missing", body: { inputs: columns("hills").slice(0, 2) }, says: /missing required input\(s\) \['district'\]/ },
    {
      what: "text for a number",
      body: { instances: [{ area: "large", rooms: 1, district: "hills" }] },
      says: /column 'area' must hold numbers.*large/,
    },
    {
      what: "a matrix in a column",
      body: { inputs: [...columns("hills").slice(0, 2), { name: "district", datatype: "BYTES", shape: [1, 2], data: ["a", "b"] }] },
      says: /unexpected shape for input 'district'/,
    },
  ],
  badArtefacts: [cutOff("model/model.bst", /model\.bst is not a LightGBM file: it has no 'end of trees': it is cut off/)],
});
