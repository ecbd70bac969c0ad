import type { ModelConfig } from "../grpc-messages/index.ts";
import { refusal } from "./refusal.ts";
import type { ConfigurationSource } from "./source.ts";

export const ENSEMBLE = "ensemble";
const PYTHON = "python";
export const ONNXRUNTIME = "onnxruntime";

/** A backend that Triton knows by itself, under one of its platforms, and the file that it looks for in a version's folder. */
interface KnownBackend {
  readonly backend: string;
  /** The first one is filled in; empty for a backend that has none. */
  readonly platforms: readonly string[];
  readonly file: string;
}

/** In the order in which Triton looks for their files. */
const KNOWN: readonly KnownBackend[] = [
  { backend: "tensorflow", platforms: ["tensorflow_savedmodel"], file: "model.savedmodel" },
  { backend: "tensorflow", platforms: ["tensorflow_graphdef"], file: "model.graphdef" },
  { backend: "tensorrt", platforms: ["tensorrt_plan"], file: "model.plan" },
  { backend: ONNXRUNTIME, platforms: ["onnxruntime_onnx"], file: "model.onnx" },
  { backend: "openvino", platforms: [], file: "model.xml" },
  { backend: "pytorch", platforms: ["pytorch_libtorch", "libtorch"], file: "model.pt" },
  { backend: "pytorch", platforms: ["torch_aoti"], file: "model.pt2" },
  { backend: PYTHON, platforms: [], file: "model.py" },
];

/**
 * Fills in what backend, platform and name of the model's file say of each other, and all of them by what is in the version's folder.
 * A backend that stays empty is for who finds the model's file to say.
 * @throws ServeError INVALID_ARGUMENT
 */
export function completeBackend(config: ModelConfig, { name, versionFiles }: ConfigurationSource): void {
  if (config.platform === ENSEMBLE) return;
  const known = KNOWN.find((each) => isMeant(config, each)) ?? (saysNothing(config) ? found(versionFiles ?? []) : undefined);
  if (known !== undefined) {
    if (config.backend === "") config.backend = known.backend;
    if (config.platform === "") config.platform = known.platforms[0] ?? "";
    if (config.defaultModelFilename === "") config.defaultModelFilename = known.file;
  } else if (saysNothing(config) && versionFiles !== undefined) {
    completeCustom(config, name, versionFiles);
  }
}

function saysNothing({ backend, platform, defaultModelFilename }: ModelConfig): boolean {
  return backend === "" && platform === "" && defaultModelFilename === "";
}

/** The name of the file counts for more than a platform that may be mistyped. */
function isMeant({ backend, platform, defaultModelFilename }: ModelConfig, known: KnownBackend): boolean {
  if (backend !== "" && backend !== known.backend) return false;
  if (known.platforms.includes(platform)) return true;
  if (defaultModelFilename === known.file) return backend === "" || platform === "";
  // Its first platform is the one that a backend has by itself, unless the file tells another.
  return backend !== "" && platform === "" && !KNOWN.some((other) => other.backend === backend && other.file === defaultModelFilename);
}

function found(files: readonly string[]): KnownBackend | undefined {
  return KNOWN.find(({ file }) => files.includes(file));
}

/** Triton takes the backend from the model's name then. A folder with files in it may be of a kind that only this server knows. */
function completeCustom(config: ModelConfig, name: string, files: readonly string[]): void {
  const dot = name.indexOf(".");
  const backend = dot === -1 ? "" : name.slice(dot + 1);
  if (files.length > 0 && (backend === "" || !files.includes(`model.${backend}`))) return;
  if (backend === "") {
    throw refusal(
      `Invalid model name: Could not determine backend for model '${name}' with no backend in model configuration. ` +
        "Expected model name of the form 'model.<backend_name>'. A backend in config.pbtxt says it too, or a file such as 1/model.onnx.",
    );
  }
  config.backend = backend;
  config.defaultModelFilename = `model.${backend}`;
}

/** @throws ServeError INVALID_ARGUMENT for a backend and a platform that are not of one kind */
export function checkBackend({ name, platform, backend }: ModelConfig): void {
  if (platform === ENSEMBLE) {
    if (backend !== "") throw refusal(`Ensemble model '${name}' must have platform type '${ENSEMBLE}' and empty backend type`);
    return;
  }
  if (backend === "") {
    if (platform === "") return;
    const platforms = [...new Set(KNOWN.flatMap((known) => known.platforms)), ENSEMBLE].join(", ");
    throw refusal(`unexpected platform type '${platform}' for ${name}; expected a backend, or one of ${platforms}`);
  }
  const platforms = KNOWN.filter((known) => known.backend === backend).flatMap((known) => known.platforms);
  if (platforms.length > 0 && !platforms.includes(platform)) {
    throw refusal(`unexpected 'platform' and 'backend' pair, got:${platform}, ${backend}; expected platform ${platforms.join(" or ")}`);
  }
}
