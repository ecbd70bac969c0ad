// What a fresh clone needs before anything runs: packages from the lockfile, and the build. Only Node's own modules here.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const OLDEST_NODE = [20, 19];
/** There while one command sets up: two that build at once write the same files. */
const LOCK = join(root, "dist/.setting-up");
/** Milliseconds after which nobody can be at work any more. */
const LONGEST = 600_000;

/** Installs packages when the lockfile has changed since, and builds when a source has. */
export function setUp() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
    fail(`nitrous needs Node ${OLDEST_NODE.join(".")} or newer; this is ${process.versions.node}`);
  }
  installPackages();
  build();
}

function installPackages() {
  const stamp = join(root, "node_modules/.installed");
  const wanted = hash([join(root, "package-lock.json")]);
  // Not "npm ci": it refuses a lockfile that lacks a tool's packages for other platforms, which not every registry has.
  const args = ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  once(stamp, wanted, () => step("Installing packages", "npm", args));
}

function build() {
  const stamp = join(root, "dist/.built");
  const wanted = hash([...filesUnder(join(root, "src")), join(root, "tsconfig.json"), join(root, "tsconfig.build.json")]);
  once(stamp, wanted, () =>
    step("Building", process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.build.json"]),
  );
}

/** Does the work unless the stamp says that it has been done; another command that does it is waited for. */
function once(stamp, wanted, work) {
  if (stampIs(stamp, wanted)) return;
  lock();
  try {
    if (stampIs(stamp, wanted)) return;
    work();
    writeFileSync(stamp, wanted);
  } finally {
    rmSync(LOCK, { force: true });
  }
}

function lock() {
  mkdirSync(dirname(LOCK), { recursive: true });
  for (;;) {
    try {
      writeFileSync(LOCK, String(process.pid), { flag: "wx" });
      return;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    if (isLeft()) rmSync(LOCK, { force: true });
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  }
}

/** By a command that was ended before it could take it away. */
function isLeft() {
  let age;
  try {
    age = Date.now() - statSync(LOCK).mtimeMs;
    process.kill(Number(readFileSync(LOCK, "utf8")) || process.pid, 0);
  } catch (error) {
    return error.code === "ESRCH";
  }
  return age > LONGEST;
}

function step(title, command, args) {
  process.stderr.write(`${title}…`);
  const started = Date.now();
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: root, encoding: "utf8" });
  if (status === 0) {
    process.stderr.write(` ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
    return;
  }
  process.stderr.write("\n");
  rmSync(LOCK, { force: true });
  fail(`${title} failed: ${command} ${args.join(" ")}\n${error?.message ?? ""}${stdout}${stderr}`);
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function stampIs(file, wanted) {
  return existsSync(file) && readFileSync(file, "utf8") === wanted;
}

function filesUnder(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

function hash(files) {
  const digest = createHash("sha256");
  for (const file of files) digest.update(file).update(readFileSync(file));
  return digest.digest("hex");
}
