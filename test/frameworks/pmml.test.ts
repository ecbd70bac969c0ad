import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type BadArtefact, cutOff, describeFormat } from "./format-suite.ts";

const row = { area: 84.5, rooms: 3, district: "hills" };
const FILE = "model/model.pmml";

function changed(what: string, from: string | RegExp, to: string, says: RegExp): BadArtefact {
  return {
    what,
    async change(folder) {
      const file = join(folder, FILE);
      await writeFile(file, (await readFile(file, "utf8")).replace(from, to));
    },
    says,
  };
}

const BILLION_LAUGHS = `<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>\n<PMML`;
const FILE_OF_THE_MACHINE = `<!DOCTYPE x [<!ENTITY passwd SYSTEM "file:///etc/passwd">]>\n<PMML`;

describeFormat({
  name: "pmml",
  format: "pmml",
  artefact: FILE,
  badRequests: [
    { what: "a column is missing", body: { instances: [{ area: 84.5, rooms: 3 }] }, says: /missing required input\(s\) \['district'\]/ },
    {
      what: "an unknown category",
      body: { instances: [{ ...row, district: "moon" }] },
      says: /field 'district' cannot be 'moon': expected one of centre, harbour, hills/,
    },
    {
      what: "text for a number",
      body: { instances: [{ ...row, area: "large" }] },
      says: /field 'area' cannot be 'large': expected a double/,
    },
    { what: "too short a row", body: { instances: [[84.5, 3]] }, says: /instance 0 has 2 values/ },
  ],
  badArtefacts: [
    cutOff(FILE, /model\.pmml is not a whole PMML file: it is not well-formed XML/),
    changed("entities that grow without end", "<PMML", BILLION_LAUGHS, /document type declaration \(DOCTYPE\)/),
    changed("an entity that is a file of this machine", "<PMML", FILE_OF_THE_MACHINE, /document type declaration \(DOCTYPE\)/),
    changed(
      "another answer than its author expects",
      /ScoreDistribution value="soon"/g,
      'ScoreDistribution value="later"',
      /does not answer as its author expects: row \d/,
    ),
    changed(
      "a function that nobody knows",
      /(<LocalTransformations>|<TransformationDictionary>)/,
      '$1<DerivedField name="x" optype="continuous" dataType="double"><Apply function="x.y"/></DerivedField>',
      /the function x\.y, which the evaluator in Python does not cover.*needs JPMML|needs JPMML.*the function x\.y/s,
    ),
  ],
});
