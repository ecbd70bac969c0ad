import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { strToU8, zipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requirementsOfMar } from "./mar.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "nitrous-mar-test-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

let files = 0;
function manifest(model: object): string {
  return JSON.stringify({ model });
}

/** The path of an archive with these files. */
async function archive(texts: Readonly<Record<string, string>>, folder = root): Promise<string> {
  const path = join(folder, `${files++}.mar`);
  await writeFile(path, zipSync(Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, strToU8(text)]))));
  return path;
}

describe("requirements of a TorchServe archive", () => {
  it("are those of the file that its manifest names", async () => {
    const path = await archive({
      "MAR-INF/MANIFEST.json": manifest({ handler: "own.py", requirementsFile: "needs.txt" }),
      "needs.txt": "inflection==0.5.1\n\n# more\n",
      "requirements.txt": "other",
      "own.py": "import inflection",
    });
    expect(await requirementsOfMar(path)).toEqual({ requirements: "inflection==0.5.1\n# more" });
  });

  it.each([
    ["the image handlers", "image_classifier", ""],
    ["a handler derived from one", "own.py", "from ts.torch_handler.image_classifier import ImageClassifier"],
    ["a handler that imports them", "own.py:handle", "from torchvision import transforms"],
  ])("have what TorchServe always has for images: %s", async (_what, handler, code) => {
    const path = await archive({ "MAR-INF/MANIFEST.json": manifest({ handler }), "own.py": code });
    expect(await requirementsOfMar(path)).toEqual({ requirements: "torchvision\npillow" });
  });

  it("do not name twice what the archive names itself", async () => {
    const path = await archive({
      "MAR-INF/MANIFEST.json": manifest({ handler: "object_detector", requirementsFile: "r.txt" }),
      "r.txt": "torchvision>=0.20",
    });
    expect(await requirementsOfMar(path)).toEqual({ requirements: "torchvision>=0.20\npillow" });
  });

  it("are none for a handler of tensors, or a manifest that says nothing", async () => {
    expect(await requirementsOfMar(await archive({ "MAR-INF/MANIFEST.json": manifest({ handler: "base_handler" }) }))).toEqual({});
    expect(await requirementsOfMar(await archive({ "MAR-INF/MANIFEST.json": "{" }))).toEqual({});
  });

  it("are read of unpacked archives and of model stores", async () => {
    const folder = join(root, "unpacked");
    await mkdir(join(folder, "MAR-INF"), { recursive: true });
    await writeFile(join(folder, "MAR-INF", "MANIFEST.json"), manifest({ handler: "h.py", requirementsFile: "requirements.txt" }));
    await writeFile(join(folder, "requirements.txt"), "one");
    expect(await requirementsOfMar(folder)).toEqual({ requirements: "one" });
    const store = join(root, "store", "model-store");
    await mkdir(store, { recursive: true });
    for (const name of ["one", "two"])
      await archive({ "MAR-INF/MANIFEST.json": manifest({ handler: "h.py", requirementsFile: "r.txt" }), "r.txt": name }, store);
    expect(await requirementsOfMar(join(root, "store"))).toEqual({ requirements: "one\ntwo" });
  });

  it("say what is wrong with a file that is no archive", async () => {
    const path = join(root, "broken.mar");
    await writeFile(path, "PK\u0003\u0004 and no more");
    await expect(requirementsOfMar(path)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(/broken\.mar is no readable archive of TorchServe/),
    });
  });
});
