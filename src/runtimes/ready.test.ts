import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { containerSpec } from "../../test/container-spec.ts";
import { findProgram } from "./find-program.ts";
import { createPrograms } from "./ready.ts";
import type { Ask } from "./server-program.ts";
import { serverProgram } from "./server-programs.ts";

let folder: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "nitrous-programs-")));
});
afterEach(() => rm(folder, { recursive: true }));

async function file(name: string, text = "", mode = 0o644): Promise<string> {
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  await chmod(path, mode);
  return path;
}

/** An environment as `nitrous runtimes install` leaves it, with empty files in it. */
async function installed(name: string, ...files: string[]): Promise<string> {
  const at = join("runtimes", name);
  const sitePackages = join(folder, at, "venv/lib/python3.11/site-packages");
  for (const each of files) await file(join(at, "venv", each), "", 0o755);
  await file(join(at, "venv/bin/python"), "", 0o755);
  const facts = { bin: join(folder, at, "venv/bin"), sitePackages, libraries: "/opt/python/lib", python: "3.11", base: "/opt/python" };
  await file(join(at, "environment.json"), JSON.stringify({ ...facts, requirements: [] }));
  return join(folder, at);
}

const answering =
  (answers: Readonly<Record<string, string>>): Ask =>
  (command, words) => {
    const answer = answers[`${command} ${words.join(" ")}`];
    return answer === undefined ? Promise.reject(new Error("no such command")) : Promise.resolve(answer);
  };

describe("a server on the PATH", () => {
  it("is found before the one that was installed, with what its package records of its version", async () => {
    await installed("vllm", "bin/vllm", "lib/python3.11/site-packages/vllm-0.1.0.dist-info/METADATA");
    await file("other/lib/python3.12/site-packages/vllm-0.33.0.dist-info/METADATA");
    await file("other/bin/python3");
    const path = await file("bin/vllm", `#!${folder}/other/bin/python3\nimport vllm\n`, 0o755);
    const places = { directory: join(folder, "runtimes"), path: `relative:${join(folder, "bin")}`, ask: answering({}) };
    const found = await findProgram(serverProgram("vllm"), places);
    expect(found).toEqual({
      file: path,
      version: "0.33.0",
      from: "PATH",
      launch: {},
      folders: [join(folder, "other"), join(folder, "bin")],
    });
    expect(await findProgram(serverProgram("vllm"), { ...places, path: "" })).toMatchObject({ from: "environment", version: "0.1.0" });
  });

  it("is asked for its version when nothing records it", async () => {
    const path = await file("bin/tensorflow_model_server", "\x7fELF", 0o755);
    const ask = answering({ [`${path} --version`]: "TensorFlow ModelServer: 2.19.1-rc0\nTensorFlow Library: 2.19.1\n" });
    const places = { directory: join(folder, "runtimes"), path: join(folder, "bin"), ask };
    expect(await findProgram(serverProgram("tensorflow-serving"), places)).toMatchObject({ version: "2.19.1-rc0" });
    expect(await findProgram(serverProgram("tensorflow-serving"), { ...places, ask: answering({}) })).toMatchObject({ version: undefined });
    await chmod(path, 0o644);
    expect(await findProgram(serverProgram("tensorflow-serving"), places)).toBeUndefined();
  });
});

describe("a container of a known server", () => {
  const triton = containerSpec({
    command: ["tritonserver"],
    arguments: ["--model-store=/mnt/models"],
    environment: [{ name: "LD_LIBRARY_PATH", value: "/own" }],
  });

  it("gets the program that was installed, and what that needs", async () => {
    const server = "lib/python3.11/site-packages/pytriton/tritonserver";
    const at = await installed("triton", `${server}/bin/tritonserver`);
    const ready = await createPrograms({ directory: folder, path: "/usr/bin", ask: answering({}) }).ready(triton);
    expect(ready.command).toEqual([join(at, "venv", server, "bin/tritonserver")]);
    expect(ready.arguments).toEqual(["--model-store=/mnt/models", `--backend-directory=${join(at, "venv", server, "backends")}`]);
    expect(ready.environment).toContainEqual({
      name: "PATH",
      value: `${join(at, "venv", server, "bin")}:${join(at, "venv")}/bin:/usr/bin`,
    });
    expect(ready.environment.filter((variable) => "name" in variable && variable.name === "LD_LIBRARY_PATH")).toEqual([
      { name: "LD_LIBRARY_PATH", value: `${join(at, "venv/lib/python3.11/site-packages/nvidia_pytriton.libs")}:/opt/python/lib:/own` },
    ]);
    expect(ready.mounts.map(({ path }) => path)).toEqual([at, "/opt/python"]);
    // Its own folder of backends counts.
    const own = { ...triton, arguments: ["--backend-directory=/backends"] };
    expect((await createPrograms({ directory: folder, path: "", ask: answering({}) }).ready(own)).arguments).toEqual(own.arguments);
  });

  it("is refused with what to do when it is not there", async () => {
    const programs = createPrograms({ directory: folder, path: "", ask: answering({}) });
    await expect(programs.ready(containerSpec({ command: ["tensorflow_model_server"] }))).rejects.toThrow(
      "TensorFlow Serving is not on this machine: there is no tensorflow_model_server on the PATH, and none was installed. TensorFlow publishes no package",
    );
    await expect(programs.ready(containerSpec({ command: ["torchserve"] }))).rejects.toThrow(
      "install it with: nitrous runtimes install torchserve",
    );
  });

  it("is refused without the Java that TorchServe needs", async () => {
    await installed("torchserve", "bin/torchserve");
    const container = containerSpec({ command: ["torchserve"] });
    const withJava = (version: string) =>
      createPrograms({ directory: folder, path: "", ask: answering({ "java -version": `openjdk version "${version}" 2026-01-01` }) });
    await expect(withJava("1.8.0_392").ready(container)).rejects.toThrow("needs Java 11 or newer, and java on the PATH is version 8");
    await expect(createPrograms({ directory: folder, path: "", ask: answering({}) }).ready(container)).rejects.toThrow("there is no java");
    expect((await withJava("17.0.9").ready(container)).command[0]).toContain("/bin/torchserve");
  });

  it("stays as it is with an image, and so does any other", async () => {
    const programs = createPrograms({ directory: folder, path: "", ask: answering({}) });
    const image = containerSpec({ command: ["tritonserver"], image: "triton" });
    expect(await programs.ready(image)).toBe(image);
    const other = containerSpec({ command: ["gunicorn"] });
    expect(await programs.ready(other)).toBe(other);
  });

  it("may start it by a script, when it says which server that is", async () => {
    const path = await file("bin/vllm", "#!/bin/sh\n", 0o755);
    const script = containerSpec({ program: "vllm", command: ["sh", "-c", "vllm serve"] });
    const ready = await createPrograms({ directory: folder, path: dirname(path), ask: answering({}) }).ready(script);
    expect(ready.command).toEqual(script.command);
    expect(ready.environment).toContainEqual({ name: "PATH", value: `${dirname(path)}:${dirname(path)}` });
  });
});
