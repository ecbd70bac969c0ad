import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { findEngines } from "../../src/executors/index.ts";
import { CACHE_DIRECTORY } from "../server-process.ts";

const run = promisify(execFile);
/** Nothing recommended but what gives containers a network. */
const PACKAGES = ["podman", "runc", "netavark", "aardvark-dns", "iptables", "busybox-static", "mmdebstrap"];
const TOOLS = ["podman", "runc", "/bin/busybox", "mmdebstrap"];
/** What busybox is called by in the image. */
const APPLETS = [
  "sh",
  "cat",
  "cp",
  "dd",
  "echo",
  "grep",
  "head",
  "httpd",
  "id",
  "ls",
  "mkdir",
  "sleep",
  "tail",
  "touch",
  "tr",
  "true",
  "wget",
  "yes",
];
const MINUTES = 60_000;

/** An image from scratch with busybox, a static binary; it has been built on this machine. */
export const SMALL_IMAGE = "localhost/nitrous-test-small:1";
/** A Debian root with Python, made on this machine. */
const PYTHON_IMAGE = "localhost/nitrous-test-python:1";

/** Podman that works, installed when this is root and it is missing; else why there is none, for tests that are skipped. */
export async function findPodman(): Promise<{ readonly problem: string | undefined }> {
  const there = await Promise.all(TOOLS.map(isThere));
  if (there.includes(false)) {
    if (process.getuid?.() !== 0)
      return { problem: "podman, busybox-static and mmdebstrap are not installed, and only root can install them" };
    try {
      await run("apt-get", ["update", "-qq"], { timeout: 5 * MINUTES });
      const options = ["install", "-y", "-qq", "--no-install-recommends", ...PACKAGES];
      await run("apt-get", options, { timeout: 10 * MINUTES, env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } });
    } catch (error) {
      return { problem: `podman cannot be installed: ${error instanceof Error ? error.message.slice(0, 500) : String(error)}` };
    }
  }
  const podman = (await findEngines(process.env)).find(({ kind }) => kind === "podman");
  return { problem: podman === undefined ? "there is no podman" : (podman.problem ?? (await whyNothingRuns())) };
}

/** Lets podman run anywhere that it can at all: also where limits cannot be raised, without systemd, with cgroups of both versions. */
export const CONTAINERS_CONF = `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
`;

/** What keeps podman itself from running a container on this machine, such as a missing right: no test of ours could do it then. */
async function whyNothingRuns(): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), "nitrous-podman-"));
  try {
    const configuration = join(folder, "containers.conf");
    await writeFile(configuration, CONTAINERS_CONF);
    const words = ["run", "--rm", "--pull=never", "--log-driver=none", "--publish=127.0.0.1::8080", await buildSmallImage(), "-c", "true"];
    await run("podman", words, { timeout: MINUTES, cwd: folder, env: { ...process.env, CONTAINERS_CONF: configuration } });
    return undefined;
  } catch (error) {
    return `podman runs nothing on this machine: ${error instanceof Error ? error.message.slice(0, 500) : String(error)}`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Builds the image from scratch when it is not there. */
export async function buildSmallImage(): Promise<string> {
  if (await hasImage(SMALL_IMAGE)) return SMALL_IMAGE;
  const folder = await mkdtemp(join(tmpdir(), "nitrous-image-"));
  try {
    await mkdir(join(folder, "root/bin"), { recursive: true });
    await mkdir(join(folder, "root/tmp"));
    await chmod(join(folder, "root/tmp"), 0o1777);
    await copyFile("/bin/busybox", join(folder, "root/bin/busybox"));
    for (const applet of APPLETS) await symlink("busybox", join(folder, "root/bin", applet));
    const lines = [
      "FROM scratch",
      "COPY root /",
      "ENV PATH=/bin FROM_IMAGE=yes",
      'ENTRYPOINT ["/bin/sh"]',
      'CMD ["-c", "echo said by the image"]',
    ];
    await writeFile(join(folder, "Containerfile"), lines.join("\n"));
    await run("podman", ["build", "--quiet", "--tag", SMALL_IMAGE, folder], { timeout: 5 * MINUTES });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return SMALL_IMAGE;
}

/** Makes a Debian root with Python once, keeps it below the cache folder, and imports it when the engine has lost it. */
export async function buildPythonImage(): Promise<string> {
  if (await hasImage(PYTHON_IMAGE)) return PYTHON_IMAGE;
  const folder = join(CACHE_DIRECTORY, "test-images");
  const file = join(folder, "debian-python.tar");
  if (!(await isThere(file))) {
    await mkdir(folder, { recursive: true });
    const made = `${file}.${process.pid}.tar`;
    await run("mmdebstrap", ["--variant=minbase", "--include=python3", "--quiet", "bookworm", made], { timeout: 10 * MINUTES });
    await rename(made, file);
  }
  await run("podman", ["import", "--quiet", file, PYTHON_IMAGE], { timeout: 5 * MINUTES });
  return PYTHON_IMAGE;
}

/** Builds an image upon the one with Python that runs a program of these lines. */
export async function buildProgramImage(tag: string, program: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "nitrous-image-"));
  try {
    await writeFile(join(folder, "server.py"), program);
    const lines = [`FROM ${await buildPythonImage()}`, "COPY server.py /opt/server.py", 'ENTRYPOINT ["python3", "-u", "/opt/server.py"]'];
    await writeFile(join(folder, "Containerfile"), lines.join("\n"));
    await run("podman", ["build", "--quiet", "--tag", tag, folder], { timeout: 5 * MINUTES });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return tag;
}

/** The names of containers that are there with a label, running or not. */
export async function containersLabelled(label: string): Promise<string[]> {
  const { stdout } = await run("podman", ["ps", "--all", "--filter", `label=${label}`, "--format", "{{.Names}}"]);
  return stdout.split("\n").filter(Boolean);
}

async function hasImage(image: string): Promise<boolean> {
  return await run("podman", ["image", "exists", image]).then(
    () => true,
    () => false,
  );
}

async function isThere(tool: string): Promise<boolean> {
  const looked = tool.startsWith("/") ? stat(tool) : run(tool, ["--version"]);
  return await looked.then(
    () => true,
    () => false,
  );
}
