import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { containerSpec } from "../../../test/container-spec.ts";
import type { ContainerSpec } from "../../core/container.ts";
import type { ModelSpec } from "../../core/model.ts";
import { ModelFolders } from "./model-folders.ts";

let root: string;
let folders: ModelFolders;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "model-folders-"));
  folders = new ModelFolders(join(root, "served"));
});
afterEach(async () => {
  await folders.close();
  await rm(root, { recursive: true });
});

const CONTAINER = containerSpec({ command: ["serve"], terminationGraceMs: 1000 });

function spec(name: string, file: string, container: Partial<ContainerSpec> = {}): ModelSpec {
  return {
    namespace: "default",
    name,
    version: "1",
    format: "upstream",
    file,
    directory: file,
    bytes: 1,
    upstream: {
      runtime: "many",
      place: { kind: "container", container: { ...CONTAINER, ...container } },
      protocols: [{ protocol: "v2", port: 8080 }],
      modelName: name,
      concurrency: 1,
      batchable: false,
      shared: true,
      metrics: undefined,
    },
  };
}

async function artefact(name: string): Promise<string> {
  const folder = join(root, name);
  await mkdir(join(folder, "1"), { recursive: true });
  await writeFile(join(folder, "config.pbtxt"), name);
  await writeFile(join(folder, "1", "model.onnx"), `weights of ${name}`);
  await symlink(join(folder, "1", "model.onnx"), join(folder, "link"));
  return folder;
}

/** The folder that the server of the spec has at /mnt/models. */
async function folderOf(model: ModelSpec): Promise<string> {
  const { container } = await folders.serverOf(model);
  const mount = container.mounts.find(({ path }) => path === "/mnt/models");
  return mount?.source.kind === "folder" ? mount.source.path : "";
}

it("gives models of one runtime and namespace one server, with one folder that it can only read", async () => {
  const [a, b] = [spec("a", "/a"), spec("b", "/b")];
  const { key, container } = await folders.serverOf(a);
  expect(await folders.serverOf(b)).toEqual({ key, container });
  expect(container.mounts).toEqual([{ path: "/mnt/models", readOnly: true, source: { kind: "folder", path: await folderOf(b) } }]);
  expect((await folders.serverOf(spec("a", "/a", { arguments: ["--other"] }))).key).not.toBe(key);
  expect((await folders.serverOf({ ...a, namespace: "team" })).key).not.toBe(key);
});

it("puts folders and files there as links, and takes them out", async () => {
  const [whole, file] = [spec("whole", await artefact("x")), spec("file", join(await artefact("y"), "1", "model.onnx"))];
  const { key } = await folders.serverOf(whole);
  const folder = await folderOf(whole);
  const placed = [await folders.place(key, whole), await folders.place(key, file)];
  expect(placed.map(({ name }) => name)).toEqual(["whole", "file"]);
  expect(await readFile(join(folder, "whole", "config.pbtxt"), "utf8")).toBe("x");
  expect(await readFile(join(folder, "whole", "link"), "utf8")).toBe("weights of x");
  expect(await readdir(join(folder, "file"))).toEqual(["model.onnx"]);
  expect((await stat(join(folder, "whole", "1", "model.onnx"))).ino).toBe((await stat(join(root, "x", "1", "model.onnx"))).ino);
  for (const each of placed) await each.remove();
  expect(await readdir(folder)).toEqual([]);
  expect(await readFile(join(root, "x", "1", "model.onnx"), "utf8")).toBe("weights of x");
});

it("gives a model that replaces one of its name another name, as long as that is there", async () => {
  const [first, second] = [spec("m", await artefact("x")), spec("m", await artefact("y"))];
  const { key } = await folders.serverOf(first);
  const old = await folders.place(key, first);
  const next = await folders.place(key, second);
  expect([old.name, next.name]).toEqual(["m", "m-2"]);
  await old.remove();
  await old.remove();
  expect(await readdir(await folderOf(first))).toEqual(["m-2"]);
  expect((await folders.place(key, first)).name).toBe("m");
});

it("leaves the name out that Triton's configuration gives a model, and the artefact's own file as it is", async () => {
  const own = 'name: "x"\nbackend: "python"\n# name: "no"\ninput [ { name: "a", dims: [ 1 ] } ]\n';
  const model = spec("m", await artefact("x"));
  await writeFile(join(model.file, "config.pbtxt"), own);
  const { key } = await folders.serverOf(model);
  await folders.place(key, model);
  const placed = await readFile(join(await folderOf(model), "m", "config.pbtxt"), "utf8");
  expect(placed).toBe('\nbackend: "python"\n# name: "no"\ninput [ { name: "a", dims: [ 1 ] } ]\n');
  expect(await readFile(join(model.file, "config.pbtxt"), "utf8")).toBe(own);
});

it("leaves nothing of an artefact that cannot be read", async () => {
  const missing = spec("m", join(root, "nowhere"));
  const { key } = await folders.serverOf(missing);
  await expect(folders.place(key, missing)).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
  const loop = await artefact("x");
  await symlink(loop, join(loop, "1", "again"));
  await expect(folders.place(key, spec("m", loop))).rejects.toThrow("folders deep");
  expect(await readdir(join(await folderOf(missing), ".."))).toEqual(["models"]);
});

it("removes what a server that was killed has left, and not what one that runs has", async () => {
  const dead = 2 ** 22 + 1;
  for (const pid of [dead, process.ppid]) await mkdir(join(root, "served", String(pid), "many"), { recursive: true });
  await folders.serverOf(spec("m", "/m"));
  expect((await readdir(join(root, "served"))).sort()).toEqual([String(process.pid), String(process.ppid)].sort());
});
