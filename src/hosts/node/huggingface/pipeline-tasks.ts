import { ServeError } from "../../../core/errors.ts";
import type { JsonValue, Payload } from "../../../core/inference.ts";
import { bytesOf } from "../../../core/tensor.ts";
import { softmax } from "./floats.ts";
import { IMAGE, imageRows, pngOf, sampleImages } from "./images.ts";
import type { TaskMethod } from "./loaded.ts";
import { oneOf, parametersOf, whole } from "./parameters.ts";
import { classScores, scoreOutputs, texts } from "./scores.ts";
import type { Scores } from "./settings.ts";
import { AUDIO, soundRows } from "./sounds.ts";
import type { JsImage, JsPipeline, JsTensor, TransformersJs } from "./transformers-js.ts";

/** Classes that the pipeline names unless a request says otherwise. */
const TOP = 5;
/** Samples a second that models of speech take, unless their processor says otherwise. */
const USUAL_RATE = 16_000;

/** What Transformers.js made of a folder. */
export interface LoadedPipeline {
  readonly library: TransformersJs;
  readonly pipeline: JsPipeline;
  readonly scores: Scores;
}

/** The class of an image. */
export function imageClassification({ library, pipeline, scores }: LoadedPipeline): Record<string, TaskMethod> {
  const labels = pipeline.model.config.id2label ?? {};
  const logitsOf = async (payload: Payload): Promise<Float32Array[]> => {
    const inputs = await pipeline.processor(await imageRows(library, payload));
    const { logits } = await pipeline.model(inputs.pixel_values === undefined ? inputs : { pixel_values: inputs.pixel_values });
    const [rows = 0, classes = 0] = (logits as JsTensor).dims;
    const values = Float32Array.from((logits as JsTensor).data);
    return Array.from({ length: rows }, (_, row) => values.subarray(row * classes, (row + 1) * classes));
  };
  return {
    predict: {
      inputs: [IMAGE],
      outputs: scoreOutputs(scores, Object.keys(labels).length),
      isRowWise: true,
      samples: sampleImages(),
      async run({ payload, parameters }) {
        parametersOf(parameters, {});
        return classScores(await logitsOf(payload), scores);
      },
    },
    pipeline: {
      inputs: [IMAGE],
      outputs: [],
      async run({ payload, parameters }) {
        const { top_k: top = TOP, function_to_apply: applied = "softmax" } = parametersOf(parameters, {
          top_k: whole(1),
          function_to_apply: oneOf("softmax", "sigmoid", "none"),
        });
        const value = (await logitsOf(payload)).map((logits): JsonValue => {
          const all =
            applied === "softmax" ? softmax(logits) : applied === "none" ? logits : logits.map((each) => 1 / (1 + Math.exp(-each)));
          const named = Array.from(all, (score, index) => ({ label: labels[String(index)] ?? `LABEL_${index}`, score }));
          return named.sort((left, right) => right.score - left.score).slice(0, top);
        });
        return { kind: "json", value };
      },
    },
  };
}

/** What is in an image, and where; or which part of it is what. */
export function imageObjects({ library, pipeline }: LoadedPipeline): Record<string, TaskMethod> {
  const method: TaskMethod = {
    inputs: [IMAGE],
    outputs: [],
    samples: sampleImages().slice(0, 1),
    async run({ payload, parameters }) {
      const options = parametersOf(parameters, { threshold: share });
      const value: JsonValue[] = [];
      for (const image of await imageRows(library, payload)) value.push(await plain(await pipeline(image, options)));
      return { kind: "json", value };
    },
  };
  const { samples: _samples, ...untried } = method;
  return { predict: method, pipeline: untried };
}

/** The class of each pixel: one map of the image's size for each row; all images of a request are of one size. */
export function semanticSegmentation({ library, pipeline }: LoadedPipeline): Record<string, TaskMethod> {
  const labels = Object.entries(pipeline.model.config.id2label ?? {});
  const classOf = new Map(labels.map(([index, label]) => [label, BigInt(index)]));
  const objects = imageObjects({ library, pipeline, scores: "indices" }).pipeline as TaskMethod;
  return {
    predict: {
      inputs: [IMAGE],
      outputs: [{ name: "output-0", datatype: "INT64", shape: [-1, -1, -1] }],
      samples: sampleImages().slice(0, 1),
      async run({ payload, parameters }) {
        parametersOf(parameters, {});
        const images = await imageRows(library, payload);
        const { width, height } = oneSize(images);
        const data = new BigInt64Array(images.length * height * width);
        for (const [row, image] of images.entries()) {
          const segments = (await pipeline(image)) as ReadonlyArray<{ label: string; mask: JsImage }>;
          for (const { label, mask } of segments) {
            const index = classOf.get(label) ?? 0n;
            mask.data.forEach((value, place) => {
              if (value !== 0) data[row * height * width + place] = index;
            });
          }
        }
        return {
          kind: "tensors",
          tensors: [{ name: "output-0", datatype: "INT64", shape: [images.length, height, width], data: bytesOf(data) }],
        };
      },
    },
    pipeline: objects,
  };
}

/** @throws ServeError INVALID_ARGUMENT for maps or images of several sizes, which are no rows of one tensor */
function oneSize(sized: ReadonlyArray<{ readonly width: number; readonly height: number }>): { width: number; height: number } {
  const sizes = new Set(sized.map(({ width, height }) => `${width} × ${height}`));
  if (sizes.size > 1)
    throw new ServeError("INVALID_ARGUMENT", `the images differ in size (${[...sizes].join(", ")}); send a request for each of them`);
  return { width: sized[0]?.width ?? 0, height: sized[0]?.height ?? 0 };
}

/** How far away what each pixel shows is: one map of the image's size for each row; all images of a request are of one size. */
export function depthEstimation({ library, pipeline }: LoadedPipeline): Record<string, TaskMethod> {
  return {
    predict: {
      inputs: [IMAGE],
      outputs: [{ name: "output-0", datatype: "FP32", shape: [-1, -1, -1] }],
      samples: sampleImages().slice(0, 1),
      async run({ payload, parameters }) {
        parametersOf(parameters, {});
        const maps: JsTensor[] = [];
        for (const image of await imageRows(library, payload))
          maps.push(((await pipeline(image)) as { predicted_depth: JsTensor }).predicted_depth);
        const { width, height } = oneSize(maps.map(({ dims }) => ({ width: dims.at(-1) ?? 0, height: dims.at(-2) ?? 0 })));
        const data = new Float32Array(maps.length * height * width);
        maps.forEach((map, row) => {
          data.set(map.data, row * height * width);
        });
        return {
          kind: "tensors",
          tensors: [{ name: "output-0", datatype: "FP32", shape: [maps.length, height, width], data: bytesOf(data) }],
        };
      },
    },
  };
}

/** What somebody says. */
export function speechRecognition({ pipeline }: LoadedPipeline): Record<string, TaskMethod> {
  const { feature_extractor: extractor } = pipeline.processor as { feature_extractor?: { config?: { sampling_rate?: number } } };
  const rate = extractor?.config?.sampling_rate ?? USUAL_RATE;
  return {
    predict: {
      inputs: [AUDIO],
      outputs: [{ name: "output-0", datatype: "BYTES", shape: [-1] }],
      samples: [{ audio: Array.from({ length: rate / 4 }, (_, index) => Math.sin(index / 10) / 2) }],
      async run({ payload, parameters }) {
        parametersOf(parameters, {});
        const found: string[] = [];
        for (const sound of soundRows(payload, rate)) found.push(((await pipeline(sound)) as { text: string }).text);
        return texts(found);
      },
    },
  };
}

function share(value: unknown): number {
  if (typeof value !== "number" || value < 0 || value > 1) throw new Error("expected a number from 0 to 1");
  return value;
}

/** JSON, with images as PNG in base64. */
async function plain(value: unknown): Promise<JsonValue> {
  if (Array.isArray(value)) return await Promise.all(value.map(plain));
  if (typeof value !== "object" || value === null) return (value ?? null) as JsonValue;
  if ("toSharp" in value) return await pngOf(value as JsImage);
  const entries = Object.entries(value).map(async ([name, each]) => [name, await plain(each)] as const);
  return Object.fromEntries(await Promise.all(entries));
}
