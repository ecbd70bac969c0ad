import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cutOff, describeFormat } from "./format-suite.ts";

/** Replaces the first match in a file. */
async function replace(file: string, pattern: RegExp, by: string): Promise<void> {
  await writeFile(file, (await readFile(file, "utf8")).replace(pattern, by));
}

describeFormat({
  name: "pytorch-state-dict",
  format: "pytorch",
  artefact: "model/model.pt",
  badRequests: [
    { what: "a wrong number of values", body: { instances: [[1, 2, 3]] }, says: /instance 0 has 3 values, but .* expects 2/ },
    { what: "text", body: { instances: [["a", "b"]] }, says: /instance 0, value 0 is "a"/ },
  ],
  badArtefacts: [
    cutOff("model/model.pt", /model\.pt is not a whole PyTorch file/),
    {
      what: "a model file that nobody trusts",
      async change(folder) {
        const mark = join(folder, "ran");
        await appendFile(join(folder, "model", "network.py"), `\nopen(${JSON.stringify(mark)}, "w")\n`);
        await replace(join(folder, "service.yaml"), /\n {2}annotations:[\s\S]*?(?=\nspec)/, "");
        return mark;
      },
      says: /model\.pt needs the class in network\.py.*annotation nitrous\/trust: code/,
    },
    {
      what: "weights of another class",
      change: (folder) => replace(join(folder, "model", "network.py"), /hidden: int = 16/, "hidden: int = 8"),
      says: /the weights in model\.pt do not fit Circle in network\.py: size mismatch/,
    },
    {
      what: "a class that is not there",
      change: (folder) => replace(join(folder, "service.yaml"), /=Circle/, "=Square"),
      says: /has no nn\.Module called Square, only Circle/,
    },
  ],
});
