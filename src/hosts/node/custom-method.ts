import { ServeError } from "../../core/errors.ts";
import type { Payload } from "../../core/inference.ts";
import type { Signature, TensorSpec } from "../../core/signature.ts";
import { isDatatype } from "../../core/tensor.ts";
import type { DefinedMethod, MethodFunction } from "./custom-definition.ts";
import { declarationsOfSizes, lengthsOf, type PaddedAxes, paddedAxes } from "./custom-sizing.ts";
import { bindExample, inputsOf, outputsOf } from "./custom-values.ts";
import type { ModelCall } from "./hosted-model.ts";

/** One method of a user's model. */
export class CustomMethod {
  readonly #name: string;
  readonly #function: MethodFunction;
  readonly #padded: readonly PaddedAxes[];
  #signature: Signature;

  /** @throws ServeError INVALID_ARGUMENT for declarations that cannot be used */
  constructor(name: string, { run, declared }: DefinedMethod) {
    this.#name = name;
    this.#function = run;
    const inputs = specsOf(declared.inputs);
    const sizing = declarationsOfSizes(declared);
    this.#padded = declared.padding === undefined ? [] : paddedAxes(inputs, declared.padding);
    const streaming = declared.streaming === true || isGenerator(run);
    this.#signature = {
      accepts: declared.inputs === undefined ? "json" : "tensors",
      inputs,
      outputs: specsOf(declared.outputs).map((spec) => ({ ...spec, declared: true })),
      batchable: declared.batchable === true && !streaming,
      stateful: declared.stateful === true && !streaming,
      ...(sizing === undefined ? {} : { sizing }),
      streaming,
    };
  }

  get signature(): Signature {
    return this.#signature;
  }

  async run(call: ModelCall): Promise<Payload> {
    const answer = await this.#call(call);
    if (isStream(answer))
      throw new ServeError("INTERNAL", `its ${this.#name} answered a stream: declare streaming for it, or make it a generator`);
    return outputsOf(answer, this.#signature.outputs, call.outputs, this.#name);
  }

  async *stream(call: ModelCall): AsyncIterable<Payload> {
    const answer = await this.#call(call);
    if (!isStream(answer)) throw new ServeError("INTERNAL", `its ${this.#name} is declared as streaming, and answered no iterable`);
    for await (const chunk of answer) yield outputsOf(chunk, this.#signature.outputs, call.outputs, this.#name);
  }

  /** Answers an example. Whatever streams shows it in its first answer. @throws ServeError, or what the model's code throws */
  async warmUp(example: Payload): Promise<void> {
    const payload = bindExample(example, this.#signature.inputs);
    const answer = await this.#call({
      method: this.#name,
      payload,
      outputs: undefined,
      parameters: {},
      signal: new AbortController().signal,
    });
    if (!isStream(answer)) {
      outputsOf(answer, [], undefined, this.#name);
      return;
    }
    this.#signature = { ...this.#signature, streaming: true, batchable: false, stateful: false };
    for await (const _ of answer) break;
  }

  async #call(call: ModelCall): Promise<unknown> {
    return await this.#function(inputsOf(call.payload), {
      parameters: call.parameters,
      signal: call.signal,
      ...(this.#padded.length === 0 ? {} : { lengths: lengthsOf(call, this.#padded) }),
    });
  }
}

/** An async iterable, or a generator; lists and maps are answers. */
function isStream(value: unknown): value is AsyncIterable<unknown> | Iterable<unknown> {
  if (typeof value !== "object" || value === null) return false;
  return Symbol.asyncIterator in value || (Symbol.iterator in value && "next" in value && typeof value.next === "function");
}

function isGenerator(method: MethodFunction): boolean {
  return /^(Async)?GeneratorFunction$/.test(method.constructor.name);
}

/** Declarations like { text: "BYTES[-1]" }. */
function specsOf(declared: unknown): TensorSpec[] {
  return Object.entries((declared ?? {}) as Readonly<Record<string, unknown>>).map(([name, text]) => {
    const [, datatype, dimensions = ""] = /^([A-Z0-9]+)\[((?:-?\d+)?(?:,\s*-?\d+)*)\]$/.exec(String(text)) ?? [];
    if (!isDatatype(datatype))
      throw new ServeError(
        "INVALID_ARGUMENT",
        `'${name}' is declared as '${String(text)}'; write a datatype and a shape, such as FP32[-1,4]`,
      );
    return { name, datatype, shape: dimensions === "" ? [] : dimensions.split(",").map(Number) };
  });
}
