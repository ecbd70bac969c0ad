import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { requirementsOfPython } from "./python.ts";

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-script-"));
  file = join(folder, "model.py");
});
afterEach(() => rm(folder, { recursive: true }));

describe("inline script metadata", () => {
  it("is dependencies and a version of Python", async () => {
    await writeFile(
      file,
      '"""A model."""\n# /// script\n# requires-python = ">=3.10"\n# dependencies = [\n#   "six",\n#   "numpy>=2",\n# ]\n#\n# [tool.other]\n# key = 1\n# ///\nimport six\n',
    );
    expect(await requirementsOfPython(file)).toEqual({ requirements: "six\nnumpy>=2", python: { specifier: ">=3.10", required: true } });
  });

  it.each([
    ["# /// script\n# dependencies = six\n# ///\n", "cannot be used"],
    ['# /// script\n# dependencies = "six"\n# ///\n', "dependencies must be a list of texts"],
    ["# /// script\n# requires-python = 3.11\n# ///\n", "requires-python must be a text"],
    ["# /// script\n# dependencies = []\n# ///\n\n# /// script\n# dependencies = []\n# ///\n", "there are several blocks; keep one"],
  ])("says what is wrong with %j", async (text, message) => {
    await writeFile(file, text);
    await expect(requirementsOfPython(file)).rejects.toThrow(message);
  });

  it("may be missing, and then a .python-version beside the file counts", async () => {
    await writeFile(file, "import numpy\n");
    expect(await requirementsOfPython(file)).toEqual({});
    await writeFile(join(folder, ".python-version"), "3.11.7\n");
    expect(await requirementsOfPython(file)).toEqual({ python: { specifier: "==3.11.*", required: true } });
  });
});
