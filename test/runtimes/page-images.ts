import { execFile } from "node:child_process";
import { copyFile, cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { pythonWith } from "../python-environment.ts";
import { CACHE_DIRECTORY } from "../server-process.ts";
import { buildPythonImage } from "./engine.ts";

const run = promisify(execFile);
const MINUTES = 60_000;
const PAGE_FILES = fileURLToPath(new URL("../kserve-page/", import.meta.url));
const REQUIREMENTS = fileURLToPath(new URL("../../examples/custom-runtime/requirements.txt", import.meta.url));
/** Stands in for python:3.11-slim, as no registry can be reached: Debian's Python 3.11 with pip, which finds packages in the image. */
const PYTHON_SLIM = "localhost/nitrous-test-python-slim:1";
/** What an image is marked with that may be replaced and removed. */
const OURS = "nitrous.test=page";
/** Words of podman build: what is built here runs where containers cannot be made while building, and with Debian's Python below. */
export const BUILD_WORDS: readonly string[] = ["--isolation", "chroot", "--from", PYTHON_SLIM, "--label", OURS];

/** The names that KServe's page gives to its images, and what runs in them here; they are removed after the tests. */
const PAGE_IMAGES = {
  "runtime:latest": "observer.py",
  "gpu-runtime:latest": "observer.py",
  "multi-model-runtime:latest": "multi_model.py",
} as const;

const EXAMPLE_IMAGE = "my-registry/custom-runtime:latest";
const IMAGES = [...Object.keys(PAGE_IMAGES), EXAMPLE_IMAGE].map((image) => `localhost/${image}`);

/** Builds everything but the image of the example; @throws when the machine has no way to packages, or images of these names that are not ours. */
export async function buildPageImages(): Promise<void> {
  for (const image of IMAGES) await assertOurs(image);
  await buildPythonSlim();
  for (const [tag, program] of Object.entries(PAGE_IMAGES)) await buildProgram(tag, program);
}

export async function removePageImages(): Promise<void> {
  await run("podman", ["rmi", "--force", "--ignore", ...IMAGES]).catch(() => undefined);
}

async function assertOurs(image: string): Promise<void> {
  const labels = await run("podman", ["image", "inspect", "--format", "{{json .Labels}}", image]).catch(() => undefined);
  const [name, value] = OURS.split("=") as [string, string];
  const found = labels === undefined ? undefined : ((JSON.parse(labels.stdout) ?? {}) as Record<string, string>);
  if (found !== undefined && found[name] !== value) throw new Error(`there is an image ${image} already, which this test would replace`);
}

async function buildPythonSlim(): Promise<void> {
  const base = await buildPythonImage();
  const folder = await mkdtemp(join(tmpdir(), "nitrous-image-"));
  try {
    await cp(await wheels(), join(folder, "wheels"), { recursive: true });
    const lines = [
      `FROM ${base}`,
      "COPY wheels /wheels",
      "ENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore",
      "RUN ln -s /usr/bin/python3 /usr/local/bin/python && for wheel in /wheels/pip-*.whl; do python3 $wheel/pip install pip; done",
    ];
    await writeFile(join(folder, "Containerfile"), lines.join("\n"));
    await build(["--isolation", "chroot", "--tag", PYTHON_SLIM, folder]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The packages of the example for Debian's Python, downloaded once. */
async function wheels(): Promise<string> {
  const folder = join(CACHE_DIRECTORY, "test-images", "wheels");
  const there = await readdir(folder).catch(() => []);
  if (there.some((file) => file.startsWith("scikit_learn-"))) return folder;
  await mkdir(folder, { recursive: true });
  const python = await pythonWith("pip");
  const words = ["-m", "pip", "download", "--quiet", "--only-binary=:all:", "--python-version", "3.11", "--dest", folder];
  await run(python, [...words, "--requirement", REQUIREMENTS, "pip"], { timeout: 10 * MINUTES });
  return folder;
}

/** A program of test/kserve-page with the example's packages. */
async function buildProgram(tag: string, program: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "nitrous-image-"));
  try {
    await copyFile(join(PAGE_FILES, program), join(folder, program));
    await copyFile(REQUIREMENTS, join(folder, "requirements.txt"));
    const lines = [
      "FROM python:3.11-slim",
      "COPY requirements.txt .",
      "RUN pip install -r requirements.txt",
      `COPY ${program} /opt/program.py`,
      'CMD ["python", "-u", "/opt/program.py"]',
    ];
    await writeFile(join(folder, "Containerfile"), lines.join("\n"));
    await build([...BUILD_WORDS, "--tag", tag, folder]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function build(words: readonly string[]): Promise<void> {
  await run("podman", ["build", "--quiet", ...words], { timeout: 10 * MINUTES, maxBuffer: 64 << 20 });
}
