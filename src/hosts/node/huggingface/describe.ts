import { closestNames } from "../../../core/closest.ts";
import { ServeError } from "../../../core/errors.ts";
import type { Payload } from "../../../core/inference.ts";
import type { Signature } from "../../../core/signature.ts";
import type { LoadMetadata } from "../../../frames/index.ts";
import { payloadOf, readExample } from "../example.ts";
import type { HostedModel, ModelCall } from "../hosted-model.ts";
import { ORT_VERSION } from "../onnx.ts";
import type { TaskMethod } from "./loaded.ts";
import { tryMethod } from "./warm-up.ts";

/** A task's methods before their samples have been answered. */
export interface Served {
  readonly methods: Record<string, TaskMethod>;
  /** More of them, when it is known whether rows depend on each other. */
  readonly further?: (isRowWise: boolean) => Record<string, TaskMethod>;
  readonly warnings: readonly string[];
  close(): Promise<void>;
}

/** The model, described by what it answered. @throws ServeError INVALID_ARGUMENT when it does not answer */
export async function describe(meta: LoadMetadata, { methods: own, further, warnings, close }: Served): Promise<HostedModel> {
  const proven = new Map<string, boolean>();
  for (const [name, method] of Object.entries(own)) proven.set(name, await tryMethod(name, method));
  const isRowWise = [...proven.values()].some((each) => each);
  const methods: Record<string, TaskMethod> = { ...own, ...further?.(isRowWise) };
  const given = await readExample(meta.example);
  if (given !== undefined) await own.predict?.run(callOf(payloadOf(given)));
  const [sample] = own.predict?.samples ?? [];
  const example = given ?? (sample === undefined ? undefined : { instances: [sample] });
  const signatures = Object.entries(methods).map(([name, method]) => [name, signatureOf(method, proven.get(name) === true)] as const);
  return {
    description: {
      framework: "onnxruntime",
      frameworkVersion: ORT_VERSION,
      warnings,
      ...(example === undefined ? {} : { example }),
      defaultMethod: "predict",
      methods: Object.fromEntries(signatures),
    },
    async run(call) {
      const method = methods[call.method];
      if (method === undefined) throw new ServeError("NOT_FOUND", `there is no method '${call.method}'`);
      return named(await method.run(call), call.outputs);
    },
    close,
  };
}

function callOf(payload: Payload): ModelCall {
  return { method: "predict", payload, outputs: undefined, parameters: {}, signal: new AbortController().signal };
}

function signatureOf({ inputs, outputs, tensors }: TaskMethod, batchable: boolean): Signature {
  if (tensors !== undefined) return { accepts: "tensors", inputs, outputs, ...tensors, streaming: false };
  return { accepts: "json", inputs, outputs, batchable, streaming: false };
}

/** The outputs that were asked for. @throws ServeError INVALID_ARGUMENT for those that the method has not */
function named(payload: Payload, outputs: readonly string[] | undefined): Payload {
  if (outputs === undefined || outputs.length === 0 || payload.kind !== "tensors") return payload;
  const names = payload.tensors.map(({ name }) => name);
  const tensors = outputs.map((name) => {
    const tensor = payload.tensors.find((each) => each.name === name);
    if (tensor !== undefined) return tensor;
    const [close] = closestNames(name, names);
    const hint = close === undefined ? "" : `. Did you mean '${close}'?`;
    throw new ServeError("INVALID_ARGUMENT", `unknown output '${name}'; this method answers ${names.join(", ")}${hint}`);
  });
  return { kind: "tensors", tensors };
}
