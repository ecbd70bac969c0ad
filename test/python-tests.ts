import { fileURLToPath } from "node:url";
import { run } from "../src/environments/run.ts";
import { pythonWith } from "./python-environment.ts";

const PYTHON = fileURLToPath(new URL("../python/", import.meta.url));

/** What the tests of a folder below `python/` print. @throws Error with that when one of them fails */
export async function runPythonTests(folder: string): Promise<string> {
  const python = await pythonWith("scikit-learn\npandas\nskops\nxgboost-cpu\nlightgbm\npillow\n");
  const lines: string[] = [];
  await run([python, "-m", "unittest", "discover", `${PYTHON}${folder}`], {
    // What tests share lies beside them, or in the folder above.
    environment: { PYTHONPATH: `${PYTHON}:${PYTHON}tests`, PYTHONDONTWRITEBYTECODE: "1" },
    onLine: (line) => lines.push(line),
  });
  return lines.join("\n");
}
