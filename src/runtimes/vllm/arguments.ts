import { ServeError } from "../../core/errors.ts";

/** What becomes of an argument of KServe's Hugging Face server (huggingfaceserver/__main__.py, kserve/model_server.py). */
type Mapping =
  | { readonly kind: "named"; readonly as: string }
  /** The model itself: a folder or a name on the Hub. */
  | { readonly kind: "model" }
  /** Ours to say, or without a meaning here. */
  | { readonly kind: "dropped"; readonly takesValue: boolean }
  /** Of the backend that is not vLLM. */
  | { readonly kind: "refused" }
  | { readonly kind: "task" }
  | { readonly kind: "backend" };

const dropped = (takesValue: boolean): Mapping => ({ kind: "dropped", takesValue });

/** By their names with hyphens. Others are vLLM's own and pass. */
const MAPPINGS: Readonly<Record<string, Mapping>> = {
  "--model-name": { kind: "named", as: "--served-model-name" },
  "--model-id": { kind: "model" },
  "--model-dir": { kind: "model" },
  "--model": { kind: "model" },
  "--model-revision": { kind: "named", as: "--revision" },
  "--max-length": { kind: "named", as: "--max-model-len" },
  "--task": { kind: "task" },
  "--backend": { kind: "backend" },
  "--disable-lower-case": { kind: "refused" },
  "--disable-special-tokens": { kind: "refused" },
  "--tensor-input-names": { kind: "refused" },
  "--return-token-type-ids": { kind: "refused" },
  "--return-probabilities": { kind: "refused" },
  "--http-port": dropped(true),
  "--grpc-port": dropped(true),
  "--workers": dropped(true),
  "--max-threads": dropped(true),
  "--max-asyncio-workers": dropped(true),
  "--enable-grpc": dropped(true),
  "--enable-docs-url": dropped(true),
  "--enable-latency-logging": dropped(true),
  "--configure-logging": dropped(true),
  "--log-config-file": dropped(true),
  "--access-log-format": dropped(true),
  "--disable-log-requests": dropped(false),
};

const RUNNERS: Readonly<Record<string, readonly string[]>> = {
  text_generation: [],
  generate: [],
  text_embedding: ["--runner=pooling"],
  embed: ["--runner=pooling"],
  sequence_classification: ["--runner=pooling"],
  classify: ["--runner=pooling"],
};

export interface VllmCommand {
  /** Of `vllm`: `serve MODEL ...`. */
  readonly arguments: readonly string[];
  /** What clients call the model; undefined when nothing says it. */
  readonly servedName: string | undefined;
  /** The model is on the Hub, and is fetched from there by vLLM. */
  readonly isRemote: boolean;
}

/**
 * The arguments of `vllm serve` for those of a runtime and a service, which may be vLLM's own or those of KServe's Hugging Face server.
 * Of an argument that is there twice the later one counts, as everywhere in vLLM.
 * @throws ServeError INVALID_ARGUMENT naming an argument that vLLM has nothing like
 */
export function vllmArguments(words: readonly string[]): VllmCommand {
  const [first, ...rest] = words[0] === "serve" ? words.slice(1) : words;
  const hasModel = first !== undefined && !first.startsWith("-");
  let model = hasModel ? first : "/mnt/models";
  const flags = new Map<string, readonly string[]>();
  const given = hasModel || first === undefined ? rest : [first, ...rest];
  for (let index = 0; index < given.length; index++) {
    const word = given[index] ?? "";
    if (!word.startsWith("--")) {
      // Values of a flag that takes several, or of a short one.
      const last = [...flags.keys()].at(-1);
      if (last !== undefined) flags.set(last, [...(flags.get(last) ?? []), word]);
      continue;
    }
    const [written = "", inline] = splitOnce(word);
    const name = written.replaceAll("_", "-");
    const mapping = Object.hasOwn(MAPPINGS, name) ? MAPPINGS[name] : undefined;
    const following = given[index + 1];
    const next = following?.startsWith("--") === false ? following : undefined;
    const value = inline ?? next;
    if (mapping === undefined) {
      setLast(flags, name, inline === undefined ? [name] : [`${name}=${inline}`]);
      continue;
    }
    const takesValue = mapping.kind === "dropped" ? mapping.takesValue : mapping.kind !== "refused";
    if (takesValue && inline === undefined && next !== undefined) index++;
    if (mapping.kind === "refused") throw refusal(written);
    if (mapping.kind === "dropped") continue;
    if (value === undefined) throw new ServeError("INVALID_ARGUMENT", `the argument ${written} has no value`);
    if (mapping.kind === "model") model = value;
    else if (mapping.kind === "named") setLast(flags, mapping.as, [`${mapping.as}=${value}`]);
    else if (mapping.kind === "backend") checkBackend(value);
    else for (const flag of runnerOf(value)) setLast(flags, "--runner", [flag]);
  }
  const served = flags.get("--served-model-name");
  const servedName = served?.[0]?.includes("=") === true ? splitOnce(served[0])[1] : served?.[1];
  return {
    arguments: ["serve", model, ...[...flags.values()].flat()],
    servedName,
    isRemote: !model.startsWith("/"),
  };
}

function setLast(flags: Map<string, readonly string[]>, name: string, words: readonly string[]): void {
  flags.delete(name);
  flags.set(name, words);
}

function splitOnce(word: string): [name: string, value: string | undefined] {
  const at = word.indexOf("=");
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}

function checkBackend(value: string): void {
  if (value === "auto" || value === "vllm") return;
  throw new ServeError(
    "INVALID_ARGUMENT",
    `the argument --backend=${value} asks for another server than vLLM; name runtime: kserve-huggingfaceserver instead`,
  );
}

function runnerOf(task: string): readonly string[] {
  const flags = Object.hasOwn(RUNNERS, task) ? RUNNERS[task] : undefined;
  if (flags !== undefined) return flags;
  throw new ServeError(
    "INVALID_ARGUMENT",
    `the argument --task=${task} is no task of vLLM: expected ${Object.keys(RUNNERS).join(", ")}; runtime: kserve-huggingfaceserver has the others`,
  );
}

function refusal(written: string): ServeError {
  return new ServeError(
    "INVALID_ARGUMENT",
    `the argument ${written} is of KServe's Hugging Face backend, and vLLM has nothing like it; remove it, or name runtime: kserve-huggingfaceserver`,
  );
}
