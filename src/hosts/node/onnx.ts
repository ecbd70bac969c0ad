import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { InferenceSession } from "onnxruntime-node";
import { messageOf, ServeError } from "../../core/errors.ts";
import type { Payload } from "../../core/inference.ts";
import type { TensorSpec } from "../../core/signature.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { LoadMetadata } from "../../frames/index.ts";
import { createSession, datatypeOf, generateRows, runSession } from "../../onnx/index.ts";
import { exampleOf, parseExample, payloadOf, readExample } from "./example.ts";
import type { HostedModel } from "./hosted-model.ts";
import { firstDimensionIsShared, rowsAreIndependent } from "./onnx-warm-up.ts";

const ORT_VERSION = onnxRuntimeVersion();

/**
 * An ONNX graph in ONNX Runtime.
 * @throws ServeError INVALID_ARGUMENT for a file that is no ONNX model, or an example that it does not answer
 */
export async function loadOnnx(
  meta: LoadMetadata,
  [graph, example]: readonly Uint8Array[],
  report: (step: string) => void,
): Promise<HostedModel> {
  report("reading the graph");
  const session = await createSession(graph ?? meta.file, meta.threads);
  const inputs = specsOf(session.inputMetadata);
  const outputs = specsOf(session.outputMetadata);
  report("answering a first request");
  const given = example === undefined ? await readExample(meta.example) : parseExample(Buffer.from(example).toString("utf8"));
  const warmUp = await answerExample(session, given, inputs);
  const batchable =
    firstDimensionIsShared([...session.inputMetadata, ...session.outputMetadata]) && (await rowsAreIndependent(session, inputs));
  return {
    description: {
      framework: "onnxruntime",
      frameworkVersion: ORT_VERSION,
      warnings: warmUp.warnings,
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

function specsOf(metadata: readonly InferenceSession.ValueMetadata[]): TensorSpec[] {
  return metadata.map((value) => {
    if (!value.isTensor)
      throw new ServeError(
        "UNIMPLEMENTED",
        `'${value.name}' is not a tensor; export the model without sequences and maps (scikit-learn: zipmap=False)`,
      );
    return {
      name: value.name,
      datatype: datatypeOf(value.type, value.name),
      shape: value.shape.map((dimension) => (typeof dimension === "number" && dimension >= 0 ? dimension : -1)),
    };
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
