import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const source = fileURLToPath(new URL("../src", import.meta.url));

/** What each folder may import of the others; files directly under src are folders of their own here. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  core: [],
  access: ["core"],
  encodings: ["core"],
  frames: ["core"],
  "grpc-messages": ["core", "encodings"],
  onnx: ["core"],
  "model-configurations": ["core", "grpc-messages"],
  resources: ["core", "model-configurations"],
  environments: ["core"],
  devices: ["core"],
  executors: ["core"],
  runtimes: ["core", "environments"],
  store: ["core"],
  storage: ["core"],
  scheduler: ["core"],
  load: ["core"],
  memory: ["core"],
  replicas: ["core", "encodings", "frames", "grpc-messages", "onnx"],
  observability: ["core"],
  models: ["core", "scheduler"],
  planes: ["core", "encodings", "models", "resources"],
  handles: ["core"],
  control: ["core", "model-configurations", "models", "resources"],
  "protocols/shared": ["core", "encodings"],
  "protocols/handles": ["core", "handles", "protocols/shared"],
  "protocols/kserve-v1": ["core", "protocols/shared"],
  "protocols/mlflow": ["core", "protocols/shared"],
  "protocols/oip": ["core", "encodings", "grpc-messages", "model-configurations", "protocols/shared"],
  "protocols/openai": ["core", "protocols/shared"],
  "protocols/operations": ["core", "protocols/shared"],
  "protocols/kube-api": ["core", "protocols/shared"],
  "protocols/torchserve": ["core", "protocols/shared"],
  openapi: ["core", "protocols/oip"],
  "large-json": ["core", "models", "protocols/kserve-v1", "protocols/oip", "protocols/shared"],
  server: ["core", "grpc-messages", "protocols"],
  "hosts/node": ["core", "frames", "onnx", "version.ts"],
  "built-in-runtimes.ts": [],
  "grpc.ts": ["core", "protocols/oip", "server", "settings.ts", "version.ts"],
  "configured-models.ts": ["core", "model-configurations", "models", "onnx-session-parameters.ts", "replicas"],
  "host-commands.ts": ["core"],
  "host-confinement.ts": ["core", "executors", "settings.ts"],
  "serve-settings.ts": ["access", "core", "server", "settings.ts", "store"],
  "settings.ts": ["core", "triton-settings.ts"],
  "triton-settings.ts": [],
  "version.ts": [],
  "inline-answers.ts": ["core", "executors", "models", "replicas", "settings.ts"],
  "model-steps.ts": [
    "core",
    "models",
    "environments",
    "executors",
    "replicas",
    "host-commands.ts",
    "execution-environment.ts",
    "host-confinement.ts",
    "instance-names.ts",
    "nested-control.ts",
    "settings.ts",
  ],
  "kept-measurements.ts": ["core", "models"],
  "model-schedulers.ts": ["core", "scheduler", "settings.ts"],
  "onnx-session-parameters.ts": ["core"],
  "served-paths.ts": ["control", "core", "models", "resources", "served-models.ts", "settings.ts"],
  "served-repository.ts": ["control", "core", "models", "serve-settings.ts", "served-paths.ts", "settings.ts"],
  "machine-runtime.ts": ["core", "devices", "runtimes", "settings.ts"],
  "model-manager.ts": [
    "configured-models.ts",
    "core",
    "devices",
    "ensemble-models.ts",
    "environments",
    "executors",
    "host-commands.ts",
    "inline-answers.ts",
    "kept-measurements.ts",
    "machine-runtime.ts",
    "model-steps.ts",
    "models",
    "program-models.ts",
    "replicas",
    "settings.ts",
    "scraped-servers.ts",
    "shared-servers.ts",
    "upstream-models.ts",
    "runtimes",
  ],
  "served-models.ts": ["core", "control", "models", "resources", "settings.ts"],
  "listen.ts": ["core", "server", "settings.ts"],
  "oip-extensions.ts": ["core", "models", "protocols/oip", "settings.ts"],
  "ensemble-models.ts": ["core", "models", "replicas", "waiting-ensembles.ts"],
  "ensemble-restarts.ts": ["core", "models"],
  "waiting-ensembles.ts": ["core", "replicas"],
  "followed-certificates.ts": ["access", "core"],
  "execution-environment.ts": ["core"],
  "instance-names.ts": ["core"],
  "nested-control.ts": ["core", "protocols/oip"],
  "nested-inference.ts": ["core", "models"],
  "program-models.ts": ["core", "hosts/node", "models", "replicas"],
  "scraped-servers.ts": ["core", "models", "replicas"],
  "shared-servers.ts": ["core", "models", "replicas"],
  "upstream-models.ts": ["core", "environments", "models", "replicas"],
  "routes.ts": [
    "core",
    "handles",
    "large-json",
    "openapi",
    "protocols/handles",
    "protocols/kserve-v1",
    "protocols/kube-api",
    "protocols/mlflow",
    "protocols/oip",
    "protocols/openai",
    "protocols/operations",
    "protocols/shared",
    "protocols/torchserve",
    "resources",
  ],
  "embedded-models.ts": ["control", "core", "handles", "resources", "served-paths.ts"],
  "create-server.ts": ["core", "embedded-models.ts", "handles", "hosts/node", "serve.ts", "setting-options.ts"],
  "setting-options.ts": ["settings.ts"],
  "serve.ts": ["*"],
  "index.ts": ["*"],
  cli: [
    "access",
    "built-in-runtimes.ts",
    "serve.ts",
    "settings.ts",
    "version.ts",
    "core",
    "devices",
    "environments",
    "executors",
    "load",
    "observability",
    "machine-runtime.ts",
    "resources",
    "runtimes",
    "storage",
  ],
};

/** Lines; generous, and still a reason to look for a second subject in the file. */
const LONGEST_FILE = 400;

const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter(
  (file) => file.endsWith(".ts") && !file.endsWith(".test.ts"),
);

function importsOf(file: string): string[] {
  const text = readFileSync(join(source, file), "utf8");
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map(([, specifier]) => specifier as string);
  return specifiers
    .map((specifier) => relative(source, resolve(source, dirname(file), specifier)))
    .filter((path) => !path.startsWith(".."));
}

function folderOf(file: string): string {
  const [first = "", second = ""] = file.split("/");
  return first === "protocols" || first === "hosts" ? `${first}/${second}` : first;
}

const graph = new Map(files.map((file) => [file, importsOf(file)]));

describe("architecture", () => {
  it("lists every folder", () => {
    expect([...new Set(files.map(folderOf))].filter((folder) => !(folder in ALLOWED))).toEqual([]);
  });

  it("lets each folder import only what it may", () => {
    const wrong = files.flatMap((file) => {
      const folder = folderOf(file);
      const allowed = ALLOWED[folder] ?? [];
      return (graph.get(file) ?? [])
        .map(folderOf)
        .filter((other) => other !== folder && !allowed.includes(other) && !allowed.includes("*"))
        .map((other) => `${file} imports ${other}`);
    });
    expect(wrong).toEqual([]);
  });

  it("imports another folder only through its index", () => {
    const wrong = files.flatMap((file) =>
      (graph.get(file) ?? [])
        .filter((path) => folderOf(path) !== folderOf(file) && !["core", "version.ts", "settings.ts", "serve.ts"].includes(folderOf(path)))
        .filter((path) => path.includes("/") && !path.endsWith("index.ts") && !path.endsWith("hosts/node/custom-model.ts"))
        .map((path) => `${file} imports ${path}`),
    );
    expect(wrong).toEqual([]);
  });

  it("has no cycles, types included", () => {
    const state = new Map<string, "open" | "done">();
    const cycles: string[] = [];
    const visit = (file: string, path: readonly string[]): void => {
      if (state.get(file) === "done") return;
      if (state.get(file) === "open") {
        cycles.push([...path.slice(path.indexOf(file)), file].join(" -> "));
        return;
      }
      state.set(file, "open");
      for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
      state.set(file, "done");
    };
    for (const file of files) visit(file, []);
    expect(cycles).toEqual([]);
  });

  it("keeps files short", () => {
    const written = files.filter((file) => !file.includes("/generated/"));
    const long = written.filter((file) => readFileSync(join(source, file), "utf8").split("\n").length > LONGEST_FILE);
    expect(long).toEqual([]);
  });

  it("lets only the composition root see observability, besides the command line", () => {
    const importers = files.filter(
      (file) => folderOf(file) !== "observability" && (graph.get(file) ?? []).some((path) => folderOf(path) === "observability"),
    );
    expect(importers.sort()).toEqual(["cli/serve.ts", "serve.ts"]);
  });
});
