import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { ModelFormat } from "../../src/core/formats.ts";
import { runPython } from "./format-suite.ts";

const PYTHON = fileURLToPath(new URL("../../python", import.meta.url));

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-loaders-"));
});

afterAll(() => rm(folder, { recursive: true }));

/** Loaders by themselves, without confinement, so that code which should not run would. */
it.each<[ModelFormat, string]>([
  ["tensorflow", "test_tensorflow"],
  ["keras", "test_keras"],
  ["pytorch", "test_pytorch"],
])("%s: %s", async (format, name) => {
  const script = [
    "import sys, unittest",
    "sys.dont_write_bytecode = True",
    `sys.path[:0] = ${JSON.stringify([PYTHON, join(PYTHON, "tests", "frameworks")])}`,
    "program = unittest.main(module=None, argv=['loaders', sys.argv[1]], exit=False, warnings='ignore')",
    "print('passed' if program.result.wasSuccessful() else '\\n'.join(text for _, text in program.result.failures + program.result.errors))",
  ];
  const output = await runPython({ format, artefact: "none" }, folder, ["-c", script.join("\n"), name]);
  expect(output.trim()).toMatch(/passed$/);
});
