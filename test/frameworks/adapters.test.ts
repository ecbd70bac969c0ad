import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../../src/environments/run.ts";
import { adapterExamples } from "../adapters.ts";
import { pythonWith } from "../python-environment.ts";
import { type ServerProcess, startServer } from "../server-process.ts";
import { applyReady, ask } from "../service-process.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const examples = await adapterExamples();

/** What the tests in Python need beside the package. */
const BESIDE = ["numpy", "pandas", "pillow"];

describe("with the real packages", () => {
  let folder: string;
  let server: ServerProcess;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "nitrous-adapters-"));
    server = await startServer([]);
    const files: string[] = [];
    for (const example of examples) {
      const copy = join(folder, example.folder);
      await cp(join(ROOT, "examples", example.folder), copy, { recursive: true });
      await writeFile(join(copy, "model", "requirements.txt"), [example.package, ...BESIDE].join("\n"));
      files.push(join(copy, "service.yaml"));
    }
    await applyReady(server.url, files, 280);
  });

  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it.each(examples.map((example) => [example.package, example] as const))("%s serves the example as ours does", async (_name, example) => {
    for (const { path, body, status = 200, answer } of example.exchanges) {
      expect(await ask(server.url, `/${path}`, body)).toMatchObject({ status, body: answer });
    }
  });

  it.each(examples.map((example) => [example.package, example] as const))("%s passes the tests of its adapter", async (name, example) => {
    const requirementsText = await readFile(join(folder, example.folder, "model", "requirements.txt"), "utf8");
    const python = await pythonWith(requirementsText, join(folder, example.folder, "model", "model.py"));
    const environment = { PYTHONPATH: `${ROOT}python:${ROOT}python/tests`, PYTHONDONTWRITEBYTECODE: "1" };
    const real = await run([python, "-c", `import ${name}; print(${name}.__file__)`], { environment });
    expect(real).toContain("site-packages");
    const lines: string[] = [];
    await run([python, "-W", "ignore", "-m", "unittest", `test_adapters_${name}`], { environment, onLine: (line) => lines.push(line) });
    expect(lines.join("\n")).toMatch(/Ran [1-9]\d* tests/);
    expect(lines.join("\n")).not.toContain("skipped");
  });
});
