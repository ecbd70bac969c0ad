import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BadArtefact } from "./format-suite.ts";

/** A pickle that makes a file as soon as it is loaded; says where, below the folder of a copy. */
export function pickleWithCode(file: string, says: RegExp): BadArtefact {
  return {
    what: `${file} with code, which nobody trusts`,
    async change(folder) {
      const mark = join(tmpdir(), `nitrous-ran-${process.pid}-${file.replaceAll("/", "-")}`);
      await writeFile(join(folder, file), `cposix\nsystem\n(Vtouch ${mark}\ntR.`);
      return mark;
    },
    says,
  };
}
