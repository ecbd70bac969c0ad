import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { InferenceSession } from "onnxruntime-node";
import { messageOf, ServeError } from "../../core/errors.ts";
import type { Payload } from "../../core/inference.ts";
import type { TensorSpec } from "../../core/signature.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { LoadMetadata } from "../../frames/index.ts";
import { datatypeOf, generateRows, openSession, runSession } from "../../onnx/index.ts";
import { exampleOf, parseExample, payloadOf, readExample } from "./example.ts";
import type { HostedModel } from "./hosted-model.ts";
import { readSessionSettings } from "./onnx-settings.ts";
import { firstDimensionIsShared, rowsAreIndependent } from "./onnx-warm-up.ts";

export const ORT_VERSION = onnxRuntimeVersion();

/**
 * An ONNX graph in ONNX Runtime.
 * @throws ServeError INVALID_ARGUMENT for a file that is no ONNX model, or an example that it does not answer
 */
export async function loadOnnx(
  meta: LoadMetadata,
  [graph, example]: readonly Uint8Array[],
  report: (step: string) => void,
): Promise<HostedModel> {
  const { settings, batchable: isDeclared, warnings: ofSettings } = readSessionSettings(meta.settings ?? {}, meta.threads);
  report("reading the graph");
  const { session, warnings: ofSession } = await openSession(graph ?? meta.file, settings);
  const fixed = settings.options?.freeDimensionOverrides;
  const inputs = specsOf(session.inputMetadata, fixed);
  const outputs = specsOf(session.outputMetadata, fixed);
  report("answering a first request");
  const given = example === undefined ? await readExample(meta.example) : parseExample(Buffer.from(example).toString("utf8"));
  const warmUp = await answerExample(session, given, inputs);
  const grows = [...inputs, ...outputs].every(({ shape }) => shape[0] === -1);
  const isShared = grows && firstDimensionIsShared([...session.inputMetadata, ...session.outputMetadata], isDeclared);
  const batchable = isShared && (await rowsAreIndependent(session, inputs));
  return {
    description: {
      framework: "onnxruntime",
      frameworkVersion: ORT_VERSION,
      warnings: [...ofSettings, ...ofSession, ...warmUp.warnings],
      ...(warmUp.example === undefined ? {} : { example: warmUp.example }),
      methods: { predict: { accepts: "tensors", inputs, outputs, batchable, streaming: false } },
    },
    async run({ payload, outputs: wanted }) {
      return { kind: "tensors", tensors: await runSession(session, tensorsOf(payload), wanted) };
    },
    close: () => session.release(),
  };
}

interface WarmUp {
  readonly example?: unknown;
  readonly warnings: readonly string[];
}

/** The model's own example must be answered; one that was made up may be wrong. */
async function answerExample(session: InferenceSession, given: unknown, inputs: readonly TensorSpec[]): Promise<WarmUp> {
  if (given !== undefined) {
    const payload = payloadOf(given);
    if (payload.kind === "tensors") await runSession(session, payload.tensors, undefined);
    return { example: given, warnings: [] };
  }
  const tensors = generateRows(inputs, 1);
  try {
    await runSession(session, tensors, undefined);
    return { example: exampleOf(tensors), warnings: [] };
  } catch (error) {
    return { warnings: [`no request could be made up to warm it up (${messageOf(error)}); add an example.json to its folder`] };
  }
}

/**
 * The inputs or outputs of a graph, whose named dimensions may have been given sizes.
 * @throws ServeError UNIMPLEMENTED for those that cannot be served
 */
export function specsOf(metadata: readonly InferenceSession.ValueMetadata[], sizes: Readonly<Record<string, number>> = {}): TensorSpec[] {
  return metadata.map((value) => {
    if (!value.isTensor)
      throw new ServeError(
        "UNIMPLEMENTED",
        `'${value.name}' is not a tensor; export the model without sequences and maps (scikit-learn: zipmap=False)`,
      );
    const shape = value.shape.map((dimension) => {
      const size = typeof dimension === "string" && Object.hasOwn(sizes, dimension) ? sizes[dimension] : dimension;
      return typeof size === "number" && size >= 0 ? size : -1;
    });
    return { name: value.name, datatype: datatypeOf(value.type, value.name), shape };
  });
}

function tensorsOf(payload: Payload): readonly Tensor[] {
  if (payload.kind !== "tensors") throw new ServeError("INTERNAL", `an ONNX model takes tensors, not ${payload.kind}`);
  return payload.tensors;
}

function onnxRuntimeVersion(): string {
  const manifest = createRequire(import.meta.url).resolve("onnxruntime-node/package.json");
  return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
}
