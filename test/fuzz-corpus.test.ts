import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { targets } from "./fuzz/targets.ts";

const CORPUS = fileURLToPath(new URL("../testdata/fuzz", import.meta.url));
const cases = targets(undefined).flatMap((target) => readdirSync(join(CORPUS, target.name)).map((file) => ({ target, file })));

it.each(cases)("reads $target.name/$file, or refuses it with a typed error", async ({ target, file }) => {
  await expect(Promise.resolve(target.read(readFileSync(join(CORPUS, target.name, file))))).resolves.toBeUndefined();
});
