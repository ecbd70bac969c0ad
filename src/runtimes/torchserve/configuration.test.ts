import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { containerSpec } from "../../../test/container-spec.ts";
import type { ContainerSpec } from "../../core/container.ts";
import { configuredTorchServe } from "./configuration.ts";
import { readProperties } from "./properties.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "nitrous-torchserve-"));
});
afterEach(() => rm(folder, { recursive: true }));

const ARGUMENTS = ["--start", "--models=iris", "--model-store=/mnt/models/model-store", "--ts-config=/mnt/models/config/config.properties"];

async function files(texts: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(texts)) {
    await mkdir(dirname(join(folder, "model", name)), { recursive: true });
    await writeFile(join(folder, "model", name), text);
  }
}

function serving(path: string, at = "/mnt/models"): ContainerSpec {
  const mounts = [{ path: at, readOnly: true, source: { kind: "folder", path } }] as const;
  return containerSpec({ command: ["torchserve"], arguments: ARGUMENTS, mounts });
}

async function configured(
  container: ContainerSpec,
): Promise<{ readonly container: ContainerSpec; readonly settings: Map<string, string> }> {
  const made = await configuredTorchServe(container, join(folder, "cache"));
  const mount = made.mounts.find(({ path }) => path === "/mnt/torchserve");
  if (mount?.source.kind !== "folder") throw new Error("there is no configuration");
  return { container: made, settings: readProperties(await readFile(join(mount.source.path, "config.properties"), "utf8")) };
}

describe("TorchServe's configuration", () => {
  it("loads one archive under the name of the model, with one worker", async () => {
    await files({ "linear.mar": "" });
    const { container, settings } = await configured(serving(join(folder, "model")));
    expect(container.arguments).toEqual([
      "--start",
      "--models=iris=linear.mar",
      "--model-store=/mnt/models",
      "--ts-config=/mnt/torchserve/config.properties",
    ]);
    expect(Object.fromEntries(settings)).toEqual({
      enable_envvars_config: "true",
      disable_token_authorization: "true",
      install_py_dep_per_model: "false",
      default_workers_per_model: "1",
    });
  });

  it("is found for a file, and for one of several archives", async () => {
    await files({ "linear.mar": "", "iris.mar": "" });
    const one = serving(join(folder, "model/linear.mar"), "/mnt/models/linear.mar");
    expect((await configured(one)).container.arguments).toContain("--models=iris=linear.mar");
    expect((await configured(serving(join(folder, "model")))).container.arguments).toContain("--models=iris=iris.mar");
    await rm(join(folder, "model/iris.mar"));
    await files({ "other.mar": "" });
    await expect(configured(serving(join(folder, "model")))).rejects.toThrow(
      "there is linear.mar, other.mar; expected one, or one called iris.mar",
    );
  });

  it("keeps what KServe's layout says of workers, batches and the rest, and not where it listens", async () => {
    await files({
      "model-store/mnist.mar": "",
      "config/config.properties": [
        "# KServe's example",
        "inference_address=http://0.0.0.0:8085",
        "management_address=http://0.0.0.0:8085",
        "metrics_address=http://0.0.0.0:8082",
        "grpc_inference_port=7070",
        "enable_metrics_api=true",
        "number_of_netty_threads=4",
        "install_py_dep_per_model = true",
        "service_envelope=kservev2",
        "model_store=/mnt/models/model-store",
        'model_snapshot={"name":"startup.cfg","modelCount":1,"models":{"mnist":{"1.0":{"defaultVersion":true,\\',
        '  "marName":"mnist.mar","minWorkers":2,"batchSize":8}}}}',
      ].join("\n"),
    });
    const { container, settings } = await configured(serving(join(folder, "model")));
    expect(container.arguments).toEqual(expect.arrayContaining(["--models=iris=mnist.mar", "--model-store=/mnt/models/model-store"]));
    expect(Object.fromEntries(settings)).toEqual({
      enable_envvars_config: "true",
      enable_metrics_api: "true",
      number_of_netty_threads: "4",
      install_py_dep_per_model: "true",
      default_workers_per_model: "1",
      disable_token_authorization: "true",
      models: '{"iris":{"1.0":{"defaultVersion":true,"marName":"mnist.mar","minWorkers":2,"batchSize":8}}}',
    });
  });

  it("is the runtime's own when that names its models itself", async () => {
    await files({ "linear.mar": "" });
    const own = { ...serving(join(folder, "model")), arguments: ["--models=all"] };
    expect((await configured(own)).container.arguments).toContain("--models=all=linear.mar");
    const named = { ...own, arguments: ["--models=a=linear.mar"] };
    const kept = await configuredTorchServe(named, join(folder, "cache"));
    expect(kept.arguments).toBe(named.arguments);
    expect(kept.mounts.map(({ path }) => path)).toEqual(["/mnt/models", "/mnt/torchserve"]);
  });
});
