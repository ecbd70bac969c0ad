import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { containerSpec, upstreamSpec } from "../../test/container-spec.ts";
import type { ContainerSpec } from "../core/container.ts";
import type { UpstreamSpec } from "../core/upstream.ts";
import { adaptUpstream } from "./adapt.ts";
import { runtimeConfigurations } from "./configurations.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-adapt-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** Makes empty files of these names below a folder of its own. */
async function model(...names: string[]): Promise<string> {
  for (const name of names) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), name.endsWith("config.pbtxt") ? `platform: "x"\nname: "named"\n` : "");
  }
  return folder;
}

function serving(command: string, path: string, parts: Partial<ContainerSpec> = {}): UpstreamSpec {
  const at = basename(path).includes(".") ? `/mnt/models/${basename(path)}` : "/mnt/models";
  const mounts = [{ path: at, readOnly: true, source: { kind: "folder", path } }] as const;
  return upstreamSpec(containerSpec({ command: [command], mounts, ...parts }));
}

function containerOf({ place }: UpstreamSpec): ContainerSpec {
  if (place.kind !== "container") throw new Error("it is elsewhere");
  return place.container;
}

async function layout(command: string, path: string): Promise<string> {
  const adapted = await adaptUpstream(serving(command, path));
  const mount = containerOf(adapted).mounts[0];
  expect(mount?.source).toEqual({ kind: "folder", path });
  return `${mount?.path} as ${adapted.modelName}`;
}

describe("a model for Triton", () => {
  it.each([
    ["a repository with a model of its name", ["iris/config.pbtxt", "other/1/model.onnx"], "/mnt/models as iris"],
    ["a repository with one model", ["other/1/model.onnx"], "/mnt/models as other"],
    ["a model with a configuration that names it", ["config.pbtxt", "1/model.onnx"], "/mnt/models/named as named"],
    ["a model without a configuration", ["1/model.onnx", "2/model.onnx"], "/mnt/models/iris as iris"],
    ["a model's version", ["model.onnx"], "/mnt/models/iris/1 as iris"],
    ["a Python model", ["model.py", "weights.bin"], "/mnt/models/iris/1 as iris"],
    ["a SavedModel", ["saved_model.pb", "variables/variables.index"], "/mnt/models/iris/1/model.savedmodel as iris"],
  ])("lies as it does in a repository when it is %s", async (_, names, expected) => {
    expect(await layout("tritonserver", await model(...names))).toBe(expected);
  });

  it("has the name of its backend when it is a file", async () => {
    await model("flowers.onnx", "flowers.txt");
    expect(await layout("/opt/tritonserver/bin/tritonserver", join(folder, "flowers.onnx"))).toBe("/mnt/models/iris/1/model.onnx as iris");
    await expect(layout("tritonserver", join(folder, "flowers.txt"))).rejects.toThrow(
      "is no model of Triton's: expected a file that ends in",
    );
  });

  it("is refused when nobody can tell which one is meant, or there is none", async () => {
    await model("a/1/model.onnx", "b/1/model.onnx");
    await expect(layout("tritonserver", folder)).rejects.toThrow("holds a, b, and none of them is called iris");
    await rm(join(folder, "a"), { recursive: true });
    await rm(join(folder, "b"), { recursive: true });
    await model("model.pkl");
    await expect(layout("tritonserver", folder)).rejects.toThrow("there is nothing for Triton in");
  });

  it("stays where it is in a server for several models", async () => {
    const shared = { ...serving("tritonserver", await model("1/model.onnx")), shared: true };
    expect((await adaptUpstream(shared)).place).toEqual(shared.place);
  });
});

describe("a model for TensorFlow Serving", () => {
  it("is its first version when it has no number", async () => {
    expect(await layout("tensorflow_model_server", await model("saved_model.pb"))).toBe("/mnt/models/1 as iris");
    await rm(join(folder, "saved_model.pb"));
    expect(await layout("tensorflow_model_server", await model("0001/saved_model.pb"))).toBe("/mnt/models as iris");
  });
});

describe("a language model", () => {
  const flags = ["serve", "/mnt/models", "--served-model-name=iris", "--host=127.0.0.1", "--port=8000"];

  it("has the name that its arguments give it, speaks OpenAI, and asks nobody for its files", async () => {
    const adapted = await adaptUpstream(serving("vllm", folder, { arguments: [...flags, "--model_name=chat", "--max_length=99"] }));
    expect(adapted).toMatchObject({ modelName: "chat", protocols: [{ protocol: "openai", port: 8080 }], takesDevice: true });
    expect(containerOf(adapted)).toMatchObject({ network: "private", environment: [{ name: "HF_HUB_OFFLINE", value: "1" }] });
    expect(containerOf(adapted).arguments.slice(-2)).toEqual(["--served-model-name=chat", "--max-model-len=99"]);
  });

  it("may be on the Hub, and then reaches it", async () => {
    const adapted = await adaptUpstream(serving("vllm", folder, { arguments: [...flags, "--model_id=o/m"] }));
    expect(containerOf(adapted)).toMatchObject({ network: "host", environment: [] });
    const tei = await adaptUpstream(serving("text-embeddings-router", folder, { arguments: ["--model-id=o/m"] }));
    expect(containerOf(tei).network).toBe("host");
    const here = await adaptUpstream(serving("text-generation-launcher", folder, { arguments: ["--model-id=/mnt/models"] }));
    expect(containerOf(here)).toMatchObject({ network: "private", environment: [{ name: "HF_HUB_OFFLINE", value: "1" }] });
  });

  it("listens where it is reached from outside in a container", async () => {
    const image = { image: "vllm/vllm-openai", arguments: flags, environment: [{ name: "VLLM_HOST_IP", value: "127.0.0.1" }] };
    const adapted = containerOf(await adaptUpstream(serving("vllm", folder, image)));
    expect(adapted.arguments).toContain("--host=0.0.0.0");
    expect(adapted.environment).toContainEqual({ name: "VLLM_HOST_IP", value: "0.0.0.0" });
    const onHost = containerOf(await adaptUpstream(serving("vllm", folder, { ...image, network: "host" })));
    expect(onHost.arguments).toContain("--host=127.0.0.1");
  });
});

describe("a server that is not known", () => {
  const configurations = runtimeConfigurations({ lab: { env: { A: "lab", B: "lab" }, images: { mine: "lab/mine:2" } } });
  const lab = configurations.find(({ name }) => name === "lab");

  it("stays as it is, but for what the configuration says", async () => {
    const own = serving("gunicorn", folder, { image: "mine:1", environment: [{ name: "A", value: "own" }] });
    expect(await adaptUpstream(own)).toEqual(own);
    const adapted = containerOf(await adaptUpstream(own, lab));
    expect(adapted).toMatchObject({
      image: "lab/mine:2",
      environment: [
        { name: "B", value: "lab" },
        { name: "A", value: "own" },
      ],
    });
    const elsewhere: UpstreamSpec = { ...own, place: { kind: "elsewhere", url: "http://127.0.0.1:1" } };
    expect(await adaptUpstream(elsewhere, lab)).toBe(elsewhere);
    // Without an image it is a process, which gets none.
    expect(containerOf(await adaptUpstream(serving("gunicorn", folder), lab)).image).toBeUndefined();
  });
});
