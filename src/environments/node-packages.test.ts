import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NodePackages, needsTransformers } from "./node-packages.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-packages-"));
});
afterEach(() => rm(folder, { recursive: true }));
const signal = new AbortController().signal;

describe("Transformers.js", () => {
  it("is installed once, without scripts, and found afterwards", async () => {
    const commands: string[][] = [];
    const packages = new NodePackages(folder, async (command, { environment }) => {
      commands.push([...command]);
      expect(environment).toEqual({ ONNXRUNTIME_NODE_INSTALL: "skip" });
    });
    const lines: string[] = [];
    const wanted = [1, 2, 3].map(() => packages.transformers((line) => lines.push(line), signal));
    const [first, ...others] = await Promise.all(wanted);
    expect(others).toEqual([first, first]);
    expect(await packages.transformers(() => undefined, signal)).toBe(first);
    expect(commands).toHaveLength(1);
    expect(commands[0]).toEqual(expect.arrayContaining(["npm", "install", "--ignore-scripts"]));
    expect(JSON.parse(await readFile(join(first as string, "package.json"), "utf8"))).toMatchObject({
      dependencies: { "@huggingface/transformers": expect.stringMatching(/^\d+\.\d+\.\d+$/) },
    });
    expect(lines[0]).toMatch(/^installing @huggingface\/transformers/);
  });

  it("says what npm said last when it cannot be installed, and is tried again", async () => {
    let fails = true;
    const packages = new NodePackages(folder, () =>
      fails ? Promise.reject(new Error("npm ended with code 1\n  E404")) : Promise.resolve(),
    );
    await expect(packages.transformers(() => undefined, signal)).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: expect.stringMatching(/could not be installed: npm ended with code 1\n {2}E404/),
    });
    fails = false;
    await packages.transformers(() => undefined, signal);
  });

  it("is needed by folders with a processor or a graph that writes text", async () => {
    await writeFile(join(folder, "config.json"), "{}");
    expect(await needsTransformers(folder)).toBe(false);
    await mkdir(join(folder, "onnx"));
    await writeFile(join(folder, "onnx/decoder_model_merged.onnx"), "");
    expect(await needsTransformers(folder)).toBe(true);
    expect(await needsTransformers(join(folder, "nowhere"))).toBe(false);
  });
});
