import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { serve as Serve } from "../src/serve.ts";
import type { readSettings as ReadSettings } from "../src/settings.ts";
import { CACHE_DIRECTORY } from "../test/server-process.ts";
import { machine, publish, tableOf } from "./publish.ts";

/**
 * What is reserved for a model before its first load, against what its host uses after it: each example is loaded alone, in a built
 * server that has never loaded it, and goes before the next one comes.
 */
const { values } = parseArgs({
  options: {
    /** Examples whose names hold this. */
    only: { type: "string", default: "" },
    /** Those that need a framework of several hundred mebibytes are left out. */
    quick: { type: "boolean", default: false },
  },
});
const LARGE = /huggingface|keras|tensorflow|torch|mlflow|litserve|bentoml|kserve|mlserver/;
/** Estimates outside of this are to be corrected. */
const [LEAST, MOST] = [0.7, 2];
const MEBIBYTE = 1048576;

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const built = async <Module>(name: string): Promise<Module> => (await import(here(`../dist/${name}.js`))) as Module;
const { serve } = await built<{ serve: typeof Serve }>("serve");
const { readSettings } = await built<{ readSettings: typeof ReadSettings }>("settings");

interface Row {
  readonly example: string;
  readonly format: string;
  readonly estimate: number;
  readonly measured: number;
  readonly loadMs: number;
}

const examples = readdirSync(here("../examples"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== "models" && entry.name.includes(values.only))
  .map(({ name }) => name)
  .filter((name) => !values.quick || !LARGE.test(name));
const rows: Row[] = [];
const failed: string[] = [];
for (const example of examples) {
  const found = await load(example);
  if (found.length === 0) failed.push(example);
  rows.push(...found);
  process.stderr.write(
    `${example}: ${found.map(({ estimate, measured }) => `${mebibytes(estimate)} for ${mebibytes(measured)}`).join(", ")}\n`,
  );
}
const wrong = rows.filter(({ estimate, measured }) => estimate / measured < LEAST || estimate / measured > MOST);
const table = tableOf([
  ["example", "format", "estimate, MiB", "measured, MiB", "ratio", "load, s"],
  ...rows.map(({ example, format, estimate, measured, loadMs }) => [
    example,
    format,
    mebibytes(estimate),
    mebibytes(measured),
    (estimate / measured).toFixed(2),
    (loadMs / 1000).toFixed(1),
  ]),
]);
const outside =
  wrong.length === 0
    ? "Every ratio is within"
    : `${wrong.length} of ${rows.length} (${wrong.map((row) => row.example).join(", ")}) are outside of`;
publish(
  "estimates",
  [
    table,
    `${outside} ${LEAST} to ${MOST}. ${failed.length === 0 ? "" : `Not loaded: ${failed.join(", ")}. `}PSS of each host after its first answer: other processes that have the same interpreter or framework open make it less, so run it on a machine with none.`,
    machine(),
  ],
  { rows, failed },
);

/** What each model of an example came to; empty when it did not load. */
async function load(example: string): Promise<Row[]> {
  const state = mkdtempSync(join(tmpdir(), "nitrous-estimates-"));
  const flags = { "http-port": 0, "state-dir": state, "cache-dir": CACHE_DIRECTORY, inline: "off" };
  const settings = await readSettings({ flags, environment: {} });
  const server = await serve({ paths: [here(`../examples/${example}/service.yaml`)], settings });
  const loaded: Row[] = [];
  const formats = new Map<string, string>();
  server.events.on("model-state-changed", ({ name, format }) => formats.set(name, format));
  server.events.on("model-loaded", ({ model, bytes, reservedBytes, loadMs }) => {
    loaded.push({ example, format: formats.get(model) ?? "", estimate: reservedBytes, measured: bytes, loadMs });
  });
  await server.loaded;
  await server.close();
  rmSync(state, { recursive: true, force: true });
  return loaded;
}

function mebibytes(bytes: number): string {
  return Math.round(bytes / MEBIBYTE).toString();
}
