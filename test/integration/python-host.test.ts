import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { run } from "../../src/environments/run.ts";
import { pythonWith } from "../python-environment.ts";

it("passes its own tests", { timeout: 5 * 60_000 }, async () => {
  const requirementsText = "scikit-learn\npandas\nskops\nxgboost-cpu\nlightgbm\npillow\n";
  const python = await pythonWith(requirementsText);
  const root = fileURLToPath(new URL("../../python/", import.meta.url));
  const lines: string[] = [];
  await run([python, "-m", "unittest", "discover", `${root}tests`], {
    environment: { PYTHONPATH: root, PYTHONDONTWRITEBYTECODE: "1" },
    onLine: (line) => lines.push(line),
  });
  expect(lines.join("\n")).toMatch(/Ran [1-9]\d* tests/);
});
