// npm run fuzz -- [--seconds 60] [--target NAME] [--seed N]: reads mutated inputs until the time is over.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { randomFrom } from "../long/random.ts";
import { mutate } from "./mutate.ts";
import { findPython, PythonReader } from "./python-reader.ts";
import { type Target, targets } from "./targets.ts";

const CORPUS = fileURLToPath(new URL("../../testdata/fuzz", import.meta.url));
/** Inputs that were fine are mutated further, the latest of them. */
const MOST_KEPT = 2_000;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    target: { type: "string" },
    seed: { type: "string", default: String(Date.now() % 1e6) },
  },
});
const python = findPython();
const reader = python === undefined ? undefined : new PythonReader(python);
// The first answer waits for imports, which are no part of anybody's time.
await reader?.ask("frames", new Uint8Array(0));
const all = targets(reader).filter(({ name }) => values.target === undefined || name === values.target);
if (all.length === 0) throw new Error(`there is no target ${values.target}`);
if (reader === undefined) console.log("skipped: pickles, and frames in Python: no environment with scikit-learn has been made yet");
console.log(`seed ${values.seed}, ${values.seconds} s for ${all.length} targets`);
let findings = 0;
for (const target of all) findings += (await fuzz(target, (Number(values.seconds) * 1000) / all.length)) ? 1 : 0;
reader?.close();
console.log(`${all.length - findings} passed, ${findings} failed`);
process.exit(findings === 0 ? 0 : 1);

/** True when an input has done what none may. */
async function fuzz(target: Target, milliseconds: number): Promise<boolean> {
  const folder = join(CORPUS, target.name);
  const kept: Buffer[] = readdirSync(folder)
    .sort()
    .map((name) => readFileSync(join(folder, name)));
  const random = randomFrom(Number(values.seed));
  const end = Date.now() + milliseconds;
  let count = 0;
  while (Date.now() < end) {
    const pick = (): Buffer => kept[Math.floor(random() * kept.length)] as Buffer;
    const input = mutate(pick(), pick(), random);
    const problem = await problemOf(target, input);
    count++;
    if (problem !== undefined) {
      const small = await smaller(target, input);
      mkdirSync(folder, { recursive: true });
      const file = join(folder, `crash-${createHash("sha256").update(small).digest("hex").slice(0, 12)}`);
      writeFileSync(file, small);
      console.log(`${target.name}: ${problem}\n  ${file}`);
      return true;
    }
    if (kept.length < MOST_KEPT && random() < 0.02) kept.push(input);
  }
  console.log(`${target.name}: ${count} inputs, ${Math.round(count / (milliseconds / 1000))} a second`);
  return false;
}

async function problemOf(target: Target, input: Uint8Array): Promise<string | undefined> {
  const before = process.cpuUsage();
  try {
    await target.read(input);
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const { user, system } = process.cpuUsage(before);
  const took = (user + system) / 1000;
  return took > target.patience ? `took ${Math.round(took)} ms of processor time` : undefined;
}

/** The same finding with less input: pieces are left out as long as it stays one. */
async function smaller(target: Target, input: Buffer): Promise<Buffer> {
  let small = input;
  for (let piece = small.length >> 1; piece > 0; piece >>= 1) {
    for (let at = 0; at < small.length; ) {
      const without = Buffer.concat([small.subarray(0, at), small.subarray(at + piece)]);
      if ((await problemOf(target, without)) === undefined) at += piece;
      else small = without;
    }
  }
  return small;
}
