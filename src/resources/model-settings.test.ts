import { expect, it } from "vitest";
import { settingsOf } from "./model-settings.ts";

it("reads options in each of their forms", () => {
  expect(settingsOf(["--task=fill-mask", "--max-length", "128", "--return_probabilities", "--dtype", "float32"])).toEqual({
    task: "fill-mask",
    max_length: "128",
    return_probabilities: true,
    dtype: "float32",
  });
  expect(settingsOf(["--a", "--b=", "-1", "--c", "-1"])).toEqual({ a: true, b: "", c: "-1" });
});

it("leaves out what is said to the server, with its value, and words that are no options", () => {
  expect(settingsOf(["serve", "--model_name=iris", "--model_dir", "/mnt/models", "--http-port=8080", "--nthread=2"])).toEqual({
    nthread: "2",
  });
  expect(settingsOf([])).toEqual({});
});
