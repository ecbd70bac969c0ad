// npm test: everything that must hold, each part with its seconds, and one line of totals at the end.
// With the names of vitest projects as arguments: only these.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setUp } from "./set-up.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const bin = (name) => join(root, "node_modules/.bin", name);

setUp();
const reports = mkdtempSync(join(tmpdir(), "nitrous-test-"));
const totals = { passed: 0, failed: 0 };
const skips = [];
const seconds = [];

const lanes = process.argv.slice(2);
if (lanes.length === 0) {
  run("format and lint", bin("biome"), ["check", "--error-on-warnings", "."]);
  run("types", bin("tsc"), ["-p", "tsconfig.json"]);
  run("unused code", bin("knip"), []);
}
for (const project of lanes.length > 0 ? lanes : ["unit", "integration"]) vitest(project);
rmSync(reports, { recursive: true });

process.stdout.write(`\n${seconds.map(([name, value]) => `${name}: ${value.toFixed(1)} s`).join("\n")}\n`);
for (const skip of skips) process.stdout.write(`skipped: ${skip}\n`);
process.stdout.write(`${totals.passed} passed, ${totals.failed} failed\n`);
process.exit(totals.failed === 0 ? 0 : 1);

/** A check that is one test: it passes or fails as a whole. */
function run(name, command, args) {
  const ok = timed(name, command, args) === 0;
  totals[ok ? "passed" : "failed"]++;
}

function vitest(project) {
  const report = join(reports, `${project}.json`);
  const status = timed(project, bin("vitest"), [
    "run",
    "--project",
    project,
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${report}`,
  ]);
  let results;
  try {
    results = JSON.parse(readFileSync(report, "utf8"));
  } catch {
    totals.failed++;
    return;
  }
  totals.passed += results.numPassedTests;
  totals.failed += results.numFailedTests;
  // A file that cannot be loaded, or an error outside of any test, fails the run without failing a test.
  if (status !== 0 && results.numFailedTests === 0) totals.failed++;
  for (const file of results.testResults) {
    for (const test of file.assertionResults) if (test.status === "pending" || test.status === "skipped") skips.push(test.fullName);
  }
}

function timed(name, command, args) {
  process.stdout.write(`\n== ${name}\n`);
  const started = Date.now();
  const { status } = spawnSync(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  seconds.push([name, (Date.now() - started) / 1000]);
  return status ?? 1;
}
