import { pathToFileURL } from "node:url";
import { ServeError } from "../../core/errors.ts";
import type { JsonValue, Payload } from "../../core/inference.ts";
import type { Signature, TensorSpec } from "../../core/signature.ts";
import { isDatatype } from "../../core/tensor.ts";
import type { LoadMetadata } from "../../frames/index.ts";
import type { CustomModel } from "./custom-model.ts";
import { declarationsOfSizes, lengthsOf, paddedAxes } from "./custom-sizing.ts";
import { inputsOf, outputsOf } from "./custom-values.ts";
import { payloadOf, readExample } from "./example.ts";
import type { HostedModel, ModelCall } from "./hosted-model.ts";

/** Declarations beside a model's methods, static on a class. */
interface Declarations {
  readonly inputs?: Readonly<Record<string, string>>;
  readonly outputs?: Readonly<Record<string, string>>;
  readonly batchable?: boolean;
  readonly padding?: unknown;
  readonly unpad?: unknown;
  readonly cost?: unknown;
  readonly stateful?: boolean;
  readonly example?: unknown;
}

/**
 * A user's own model: a module that exports a class `Model`, or a class or an object as its default.
 * @throws ServeError INVALID_ARGUMENT when the module has no such export
 */
export async function loadTypeScript(meta: LoadMetadata, report: (step: string) => void): Promise<HostedModel> {
  report("importing the model's code");
  const { model, declared } = await instantiate(meta.file);
  if (model.load !== undefined) {
    report("running the model's load");
    await model.load(meta.directory);
  }
  const inputs = specsOf(declared.inputs);
  const sizing = declarationsOfSizes(declared);
  const padded = declared.padding === undefined ? [] : paddedAxes(inputs, declared.padding);
  const call = (request: ModelCall): unknown =>
    model.predict(inputsOf(request.payload), {
      parameters: request.parameters,
      signal: request.signal,
      ...(padded.length === 0 ? {} : { lengths: lengthsOf(request, padded) }),
    });
  const example = (await readExample(meta.example)) ?? declared.example;
  const warmUp = example === undefined ? undefined : await firstAnswer(call, payloadOf(example));
  const streaming = warmUp?.streaming ?? isGenerator(model.predict);
  const signature: Signature = {
    accepts: declared.inputs === undefined ? "json" : "tensors",
    inputs,
    outputs: specsOf(declared.outputs).map((spec) => ({ ...spec, declared: true })),
    batchable: declared.batchable === true && !streaming,
    stateful: declared.stateful === true && !streaming,
    ...(sizing === undefined ? {} : { sizing }),
    streaming,
  };
  return {
    description: {
      framework: "node",
      frameworkVersion: process.version.slice(1),
      warnings: example === undefined ? ["it has no example, so it was not warmed up: add an example.json to its folder"] : [],
      ...(example === undefined ? {} : { example }),
      methods: { predict: signature },
    },
    run: async (request) => outputsOf(await call(request), signature.outputs, request.outputs),
    async *stream(request) {
      for await (const chunk of (await call(request)) as AsyncIterable<unknown>) yield outputsOf(chunk, signature.outputs, request.outputs);
    },
    close: () => Promise.resolve(),
  };
}

async function instantiate(file: string): Promise<{ model: CustomModel; declared: Declarations }> {
  const module = (await import(pathToFileURL(file).href)) as { Model?: unknown; default?: unknown };
  const exported = module.Model ?? module.default;
  const isClass = typeof exported === "function";
  const model = (isClass ? new (exported as new () => CustomModel)() : exported) as CustomModel | undefined;
  if (typeof model?.predict !== "function") {
    const names = Object.keys(module).join(", ") || "nothing";
    throw new ServeError(
      "INVALID_ARGUMENT",
      `its module must export a class Model (or a default) with a method 'predict'; it exports ${names}`,
    );
  }
  return { model, declared: (isClass ? exported : model) as Declarations };
}

/** Whatever streams shows it in its first answer. */
async function firstAnswer(call: (request: ModelCall) => unknown, payload: Payload): Promise<{ streaming: boolean }> {
  const answer = await call({ method: "predict", payload, outputs: undefined, parameters: {}, signal: new AbortController().signal });
  if (!isAsyncIterable(answer)) {
    outputsOf(answer, [], undefined);
    return { streaming: false };
  }
  const iterator = answer[Symbol.asyncIterator]();
  await iterator.next();
  await iterator.return?.();
  return { streaming: true };
}

function isAsyncIterable(value: unknown): value is AsyncIterable<JsonValue> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

function isGenerator(method: CustomModel["predict"]): boolean {
  return method.constructor.name === "AsyncGeneratorFunction";
}

/** Declarations like { text: "BYTES[-1]" }. */
function specsOf(declared: Readonly<Record<string, string>> = {}): TensorSpec[] {
  return Object.entries(declared).map(([name, text]) => {
    const [, datatype, dimensions = ""] = /^([A-Z0-9]+)\[((?:-?\d+)?(?:,\s*-?\d+)*)\]$/.exec(text) ?? [];
    if (!isDatatype(datatype))
      throw new ServeError("INVALID_ARGUMENT", `'${name}' is declared as '${text}'; write a datatype and a shape, such as FP32[-1,4]`);
    return { name, datatype, shape: dimensions === "" ? [] : dimensions.split(",").map(Number) };
  });
}
