import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { createEnvironments } from "../../src/environments/index.ts";
import { run } from "../../src/environments/run.ts";
import { CACHE_DIRECTORY } from "../server-process.ts";

it("passes its own tests", { timeout: 5 * 60_000 }, async () => {
  const requirementsText = "scikit-learn\npandas\nskops\nxgboost-cpu\nlightgbm\npillow\n";
  const environments = createEnvironments({ directory: CACHE_DIRECTORY });
  const { python } = await environments.ensure(
    { format: "python", file: "", requirementsText, exact: false, trusted: true },
    () => undefined,
  );
  const root = fileURLToPath(new URL("../../python/", import.meta.url));
  const lines: string[] = [];
  await run([python, "-m", "unittest", "discover", `${root}tests`], {
    environment: { PYTHONPATH: root, PYTHONDONTWRITEBYTECODE: "1" },
    onLine: (line) => lines.push(line),
  });
  expect(lines.join("\n")).toMatch(/Ran [1-9]\d* tests/);
});
