import { closestNames } from "../core/closest.ts";
import { ServeError } from "../core/errors.ts";
import type { ServerProgram } from "./server-program.ts";
import { TORCHSERVE } from "./torchserve/program.ts";
import { TRITON } from "./triton/program.ts";
import { VLLM } from "./vllm/program.ts";

const TENSORFLOW_SERVING: ServerProgram = {
  name: "tensorflow-serving",
  title: "TensorFlow Serving",
  executables: ["tensorflow_model_server"],
  versionArguments: ["--version"],
  distributions: [],
  takesDevice: true,
  install: () =>
    "TensorFlow publishes no package of its server for Python's index: install the Debian package tensorflow-model-server (or put tensorflow_model_server on the PATH), or run its image (nitrous/run-as: container)",
};

const TGI: ServerProgram = {
  name: "tgi",
  title: "Hugging Face Text Generation Inference",
  executables: ["text-generation-launcher"],
  versionArguments: ["--version"],
  distributions: [],
  protocol: "openai",
  takesDevice: true,
  install: () =>
    "Text Generation Inference is published as an image and as sources only: build it (text-generation-launcher on the PATH), or run its image (nitrous/run-as: container)",
};

const TEI: ServerProgram = {
  name: "tei",
  title: "Hugging Face Text Embeddings Inference",
  executables: ["text-embeddings-router"],
  versionArguments: ["--version"],
  distributions: [],
  protocol: "openai",
  takesDevice: true,
  install: () =>
    "Text Embeddings Inference is published as an image and as sources only: build it with cargo (text-embeddings-router on the PATH), or run its image (nitrous/run-as: container)",
};

export const SERVER_PROGRAMS: readonly ServerProgram[] = [VLLM, TRITON, TORCHSERVE, TENSORFLOW_SERVING, TGI, TEI];

/** @throws ServeError NOT_FOUND with the names that there are */
export function serverProgram(name: string): ServerProgram {
  const found = SERVER_PROGRAMS.find((program) => program.name === name || program.executables.includes(name));
  if (found !== undefined) return found;
  const names = SERVER_PROGRAMS.map((program) => program.name);
  const [closest] = closestNames(name, names);
  const hint = closest === undefined ? "" : `; did you mean ${closest}?`;
  throw new ServeError("NOT_FOUND", `there is no server ${name} that nitrous knows, only ${names.join(", ")}${hint}`);
}
