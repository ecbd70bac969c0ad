import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createEnvironments } from "../src/environments/index.ts";
import { CACHE_DIRECTORY, EXAMPLES } from "../test/server-process.ts";

/** A folder with so many scikit-learn models of different sizes, forest-0 being the smallest; they are made once. */
export async function forests(count: number): Promise<string> {
  const folder = fileURLToPath(new URL(`./results/models/forests-${count}`, import.meta.url));
  const complete = join(folder, "complete");
  if (existsSync(complete) && readFileSync(complete, "utf8") === String(count)) return folder;
  process.stderr.write(`training ${count} forests\n`);
  const environments = createEnvironments({ directory: CACHE_DIRECTORY });
  const like = { format: "sklearn", file: join(EXAMPLES, "iris/2/model.joblib"), exact: false, trusted: false } as const;
  const { python } = await environments.ensure(like, (line) => process.stderr.write(`${line}\n`));
  await promisify(execFile)(python, [fileURLToPath(new URL("./train-sizes.py", import.meta.url)), folder, String(count)]);
  return folder;
}
