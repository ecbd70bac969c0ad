import type { JsonObject } from "../../core/inference.ts";
import type { ProtocolVersion } from "../../core/resource.ts";
import { listIn, mapIn, textIn } from "../json-fields.ts";

const TYPE_ANNOTATION = "serving.kserve.io/server-type";

/** KServe's own runtimes, of before the annotation (pkg/constants). */
const BY_NAME: Readonly<Record<string, string>> = {
  "kserve-mlserver": "mlserver",
  "kserve-torchserve": "torchserve",
  "kserve-tritonserver": "tritonserver",
  "kserve-tensorflow-serving": "tensorflow-serving",
  "kserve-huggingfaceserver": "huggingfaceserver",
  "kserve-vllmserver": "vllmserver",
};

/** Their protocol when nobody asks for one (inference_service_defaults.go). */
const PROTOCOLS: Readonly<Record<string, ProtocolVersion>> = { mlserver: "v2", tritonserver: "v2", torchserve: "v1" };
/** Servers with OpenAI's routes, and what stands before them. */
const OPENAI: Readonly<Record<string, string>> = { vllmserver: "/v1", huggingfaceserver: "/openai/v1" };
/** Servers that speak nothing else. */
const OPENAI_ONLY = ["vllmserver"];

const MODEL_CLASSES: Readonly<Record<string, string>> = {
  xgboost: "mlserver_xgboost.XGBoostModel",
  lightgbm: "mlserver_lightgbm.LightGBMModel",
  mlflow: "mlserver_mlflow.MLflowRuntime",
};
const OTHER_MODEL_CLASS = "mlserver_sklearn.SKLearnModel";

/** What KServe knows of a server beyond its runtime. */
export interface ServerType {
  readonly name: string | undefined;
  readonly protocol: ProtocolVersion | undefined;
  /** What stands before OpenAI's routes; undefined where there are none. */
  readonly openai: string | undefined;
  readonly openaiOnly: boolean;
}

export function serverTypeOf(runtime: string, annotations: Readonly<Record<string, string>>): ServerType {
  const name = annotations[TYPE_ANNOTATION] ?? BY_NAME[runtime];
  if (name === undefined) return { name, protocol: undefined, openai: undefined, openaiOnly: false };
  return { name, protocol: PROTOCOLS[name], openai: OPENAI[name], openaiOnly: OPENAI_ONLY.includes(name) };
}

/** A service as far as a server's type decides more about it. */
export interface TypedService {
  readonly name: string;
  readonly format: string;
  readonly protocol: ProtocolVersion | undefined;
  readonly hasArtefact: boolean;
}

/** Labels that KServe sets for the templates of some runtimes (SetMlServerDefaults, SetTorchServeDefaults). */
export function typeLabels({ name }: ServerType, { format, protocol }: TypedService): Record<string, string> {
  if (name === "mlserver") return { modelClass: MODEL_CLASSES[format] ?? OTHER_MODEL_CLASS };
  if (name === "torchserve") return { serviceEnvelope: protocol === "v2" || protocol === "grpc-v2" ? "kservev2" : "kserve" };
  return {};
}

/** What the model of a service says, with what KServe adds for its server. */
export function withTypeDefaults(own: JsonObject, { name: type }: ServerType, service: TypedService): JsonObject {
  const added: ReadonlyArray<readonly [string, string]> =
    type === "torchserve"
      ? [["PROTOCOL_VERSION", service.protocol ?? "v1"]]
      : type !== "mlserver"
        ? []
        : service.hasArtefact
          ? [
              ["MLSERVER_MODEL_NAME", service.name],
              ["MLSERVER_MODEL_URI", "/mnt/models"],
            ]
          : [["MLSERVER_LOAD_MODELS_AT_STARTUP", "false"]];
  const given = listIn(own, "env");
  const missing = added.filter(([name]) => !given.some((variable) => textIn(variable, "name") === name));
  const args = type === "tritonserver" && !service.hasArtefact ? ["--model-control-mode=explicit"] : [];
  return {
    ...own,
    ...(missing.length === 0 ? {} : { env: [...given, ...missing.map(([name, value]) => ({ name, value }))] }),
    ...(args.length === 0 ? {} : { args: [...listIn(own, "args"), ...args] }),
  };
}

const TAG = /:[\w.-]*$/;

/** The image with the tag of `runtimeVersion`, else the one of KServe's for the devices that are asked for (UpdateImageTag). */
export function taggedImage(image: string, container: JsonObject, version: string | undefined, { name }: ServerType): string {
  if (image.includes("@sha256:")) return image;
  const tag = TAG.exec(image)?.[0] ?? "";
  const repository = image.slice(0, image.length - tag.length);
  if (version !== undefined) return `${repository}:${version}`;
  if (tag === "" || name === undefined) return image;
  const limits = Object.keys(mapIn(mapIn(container, "resources"), "limits") ?? {});
  const hasGpu = limits.some((resource) => resource === "nvidia.com/gpu" || resource.startsWith("nvidia.com/mig-"));
  if (name === "vllmserver") return hasGpu || repository.endsWith("-cpu") ? image : `${repository}-cpu${tag}`;
  const hasBuild = ["tensorflow-serving", "torchserve", "huggingfaceserver"].includes(name);
  return hasGpu && hasBuild && !image.endsWith("-gpu") ? `${image}-gpu` : image;
}
