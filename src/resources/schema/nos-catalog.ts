import { anyMap, fields, listOf, mapOf, oneOf, pattern, quantity, someText, term, text, texts, wholeNumber } from "./terms.ts";

/** NOS's ids have slashes for their owners. */
const modelId = pattern("a model id of letters, digits and . _ - /, such as openai/clip", /^[A-Za-z0-9][A-Za-z0-9/._-]*$/);

/** YAML has numbers and booleans where an environment has text. */
const value = term("text, a number, true or false", (found) => ["string", "number", "bigint", "boolean"].includes(typeof found));
const amount = term("auto, or an amount such as 512Mi or 4Gi", (found) => found === "auto" || quantity.safeParse(found).success);
const cores = term(
  "a number of processor cores",
  (found) => (typeof found === "number" || typeof found === "bigint") && Number(found) >= 0,
);

/** Of agi-pack, which builds NOS's images. */
const image = fields(
  {},
  {
    base: someText,
    python: term("a version of Python such as 3.10", (found) => typeof found === "string" || typeof found === "number"),
    system: texts,
    pip: texts,
    conda: texts,
    requirements: texts,
    env: mapOf(value),
    run: texts,
    add: texts,
    workdir: text,
    entrypoint: listOf(text),
    command: listOf(text),
  },
);

/** `cpus` is what NOS's code reads, and `cpu` what its documentation writes. */
const resources = fields({}, { runtime: someText, cpu: cores, cpus: cores, memory: amount, device: someText, device_memory: amount });

const replicas = wholeNumber(1).or(oneOf("auto"));

const model = fields(
  {},
  {
    model_cls: pattern("the name of a class", /^[A-Za-z_]\w*$/),
    model_path: pattern("the path of a Python file, such as models/model.py", /\.py$/),
    init_args: listOf(term("any value", () => true)),
    init_kwargs: anyMap,
    default_method: pattern("the name of a method", /^[A-Za-z_]\w*$/),
    runtime_env: someText,
    deployment: fields({}, { resources, num_replicas: replicas }),
    resources,
  },
);

/** `docs/cli/serve.spec.yaml` of autonomi-ai/nos. */
export const nosCatalogSchema = fields({}, { images: mapOf(image), models: mapOf(model, modelId) });
