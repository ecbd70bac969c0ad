import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { requirementsOfHuggingFace } from "./huggingface.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-huggingface-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function needs(files: Readonly<Record<string, unknown>>): Promise<string | undefined> {
  for (const [name, contents] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), typeof contents === "string" ? contents : JSON.stringify(contents));
  }
  return (await requirementsOfHuggingFace(folder)).requirements;
}

describe("what a Hugging Face folder needs beside transformers", () => {
  it("is nothing for a text model with tokenizer.json", async () => {
    expect(await needs({ "config.json": { model_type: "bert" }, "tokenizer.json": "{}", "tokenizer.model": "" })).toBeUndefined();
  });

  it("is a library for a tokenizer that was not converted", async () => {
    expect(await needs({ "config.json": { model_type: "t5" }, "spiece.model": "" })).toBe("protobuf\nsentencepiece");
  });

  it("is torchvision for images, and not for sound", async () => {
    expect(
      await needs({ "config.json": {}, "preprocessor_config.json": { feature_extractor_type: "WhisperFeatureExtractor" } }),
    ).toBeUndefined();
    expect(await needs({ "preprocessor_config.json": { image_processor_type: "ViTImageProcessor" } })).toBe("torchvision");
    expect(await needs({ "preprocessor_config.json": {}, "processor_config.json": { image_processor: {} } })).toBe("torchvision");
  });

  it("is what a kind of model imports", async () => {
    expect(await needs({ "config.json": { model_type: "mask2former" } })).toBe("scipy");
    expect(await needs({ "config.json": { model_type: "detr", use_timm_backbone: true } })).toBe("timm");
  });

  it("is nothing for files that are not JSON", async () => {
    expect(await needs({ "config.json": "{", "preprocessor_config.json": "[]" })).toBeUndefined();
  });
});
