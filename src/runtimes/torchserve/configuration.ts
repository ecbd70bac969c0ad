import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ContainerSpec } from "../../core/container.ts";
import { ServeError } from "../../core/errors.ts";
import { flagValue } from "../flag-value.ts";
import { MODEL_PATH, modelPlace, movedModel } from "../model-mount.ts";
import { readProperties, writeProperties } from "./properties.ts";

const CONFIGURATION = "/mnt/torchserve";
const FILE = "config.properties";
const READY = fileURLToPath(new URL("../../../python/server_probes/torchserve.py", import.meta.url));
/** What decides how clients reach it is ours, whatever the model's own configuration says. */
const OURS = [
  "inference_address",
  "management_address",
  "metrics_address",
  "grpc_inference_port",
  "grpc_management_port",
  "service_envelope",
  "model_store",
  "load_models",
  "model_snapshot",
  "models",
];

/**
 * The container with a config.properties: the model's own (KServe's layout has it in config/ beside model-store/), without what the
 * runtime says in its environment, and with the one model under the name that its clients use. One that names its models itself keeps
 * its own. Beside it is the program that its runtime's probe starts.
 * @throws ServeError FAILED_PRECONDITION when there is no archive, or several and none is called like the model
 */
export async function configuredTorchServe(container: ContainerSpec, cacheDirectory: string): Promise<ContainerSpec> {
  const place = await modelPlace(container);
  const name = flagValue(container.arguments, "--models");
  if (place === undefined || name === undefined || name.includes("=")) return await withFiles(container, {}, cacheDirectory);
  const isStore = place.names?.includes("model-store") === true;
  const names = isStore ? await readdir(join(place.path, "model-store")) : (place.names ?? [basename(place.path)]);
  const archive = chosenArchive(names.filter(isArchive), name, place.path);
  const own = place.names?.includes("config") === true ? await readFile(join(place.path, "config", FILE), "utf8").catch(() => "") : "";
  const moved = place.names === undefined ? movedModel(container, `${MODEL_PATH}/${archive}`) : container;
  const configured = {
    ...moved,
    arguments: [
      ...container.arguments.filter((argument) => !/^--(?:models|model-store|ts-config)=/.test(argument)),
      `--models=${name}=${archive}`,
      `--model-store=${isStore ? `${MODEL_PATH}/model-store` : MODEL_PATH}`,
      `--ts-config=${CONFIGURATION}/${FILE}`,
    ],
  };
  return await withFiles(configured, { [FILE]: configurationOf(own, name, archive) }, cacheDirectory);
}

function configurationOf(own: string, name: string, archive: string): string {
  const settings = readProperties(own);
  const snapshot = snapshotOf(settings, name, archive);
  for (const key of OURS) settings.delete(key);
  // Addresses and ports are in the runtime's environment, where assigned ones replace them.
  settings.set("enable_envvars_config", "true");
  settings.set("disable_token_authorization", "true");
  // What is installed for a model while it is served is not what was reviewed.
  if (!settings.has("install_py_dep_per_model")) settings.set("install_py_dep_per_model", "false");
  if (!settings.has("default_workers_per_model")) settings.set("default_workers_per_model", "1");
  if (snapshot !== undefined) settings.set("models", snapshot);
  return writeProperties(settings);
}

function isArchive(name: string): boolean {
  return name.endsWith(".mar");
}

function chosenArchive(archives: readonly string[], name: string, path: string): string {
  const [only, second] = archives;
  const named = archives.find((archive) => archive === `${name}.mar`);
  if (named !== undefined) return named;
  if (only !== undefined && second === undefined) return only;
  const found = only === undefined ? "none" : archives.join(", ");
  throw new ServeError(
    "FAILED_PRECONDITION",
    `TorchServe serves archives (.mar), and in ${path} there is ${found}; expected one, or one called ${name}.mar, or KServe's folders config and model-store (torch-model-archiver makes archives)`,
  );
}

/** What the model's own snapshot says of its workers and batches, under the name that it has here. */
function snapshotOf(settings: ReadonlyMap<string, string>, name: string, archive: string): string | undefined {
  const text = settings.get("model_snapshot");
  if (text === undefined) return undefined;
  let snapshot: unknown;
  try {
    snapshot = JSON.parse(text);
  } catch {
    throw new ServeError("FAILED_PRECONDITION", "model_snapshot in the model's config/config.properties is not valid JSON");
  }
  const models = typeof snapshot === "object" && snapshot !== null && "models" in snapshot ? snapshot.models : undefined;
  const entries = typeof models === "object" && models !== null ? Object.entries(models as Record<string, unknown>) : [];
  const versions = entries.map(([, versions]) => versions).find((each) => JSON.stringify(each).includes(JSON.stringify(archive)));
  return versions === undefined ? undefined : JSON.stringify({ [name]: versions });
}

/** The container with these files and the probe's program in a folder of its own. Equal texts are one folder, which is never changed. */
async function withFiles(
  container: ContainerSpec,
  files: Readonly<Record<string, string>>,
  cacheDirectory: string,
): Promise<ContainerSpec> {
  const all = { ...files, "ready.py": await readFile(READY, "utf8") };
  const hash = createHash("sha256").update(JSON.stringify(all)).digest("hex").slice(0, 20);
  const folder = join(cacheDirectory, "runtimes", "configurations", hash);
  await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(all)) {
    const partial = join(folder, `${name}.${randomUUID()}`);
    await writeFile(partial, text);
    await rename(partial, join(folder, name));
  }
  return { ...container, mounts: [...container.mounts, { path: CONFIGURATION, readOnly: true, source: { kind: "folder", path: folder } }] };
}
