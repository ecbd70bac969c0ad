import { ServeError } from "../../../core/errors.ts";
import type { LoadMetadata } from "../../../frames/index.ts";
import type { HostedModel } from "../hosted-model.ts";
import { describe } from "./describe.ts";
import { findGraph } from "./folder.ts";
import type { TaskMethod } from "./loaded.ts";
import {
  depthEstimation,
  imageClassification,
  imageObjects,
  type LoadedPipeline,
  semanticSegmentation,
  speechRecognition,
} from "./pipeline-tasks.ts";
import type { HuggingFaceSettings } from "./settings.ts";
import { PIPELINE_TASKS, type PipelineTask, type Task } from "./task.ts";
import { importTransformers, openPipeline } from "./transformers-js.ts";

const METHODS: Readonly<Record<PipelineTask, (loaded: LoadedPipeline) => Record<string, TaskMethod>>> = {
  image_classification: imageClassification,
  object_detection: imageObjects,
  image_segmentation: imageObjects,
  semantic_segmentation: semanticSegmentation,
  depth_estimation: depthEstimation,
  automatic_speech_recognition: speechRecognition,
};

/**
 * A model for images or sound, whose processors Transformers.js has.
 * @throws ServeError UNIMPLEMENTED for tasks that the Node host has not, FAILED_PRECONDITION without Transformers.js
 */
export async function loadPipeline(
  { directory, ...meta }: LoadMetadata,
  task: Task,
  { dtype, fileName, scores, session, warnings }: HuggingFaceSettings,
  report: (step: string) => void,
): Promise<HostedModel> {
  if (!Object.hasOwn(PIPELINE_TASKS, task)) {
    const hint = "serve the folder with its safetensors and without its .onnx files, which the Python host takes";
    throw new ServeError("UNIMPLEMENTED", `ONNX exports for ${task} are not served by the Node host; ${hint}`);
  }
  const known = task as PipelineTask;
  const file = await findGraph(directory, dtype, fileName);
  report("importing Transformers.js");
  const library = await importTransformers();
  report("reading the graph");
  const pipeline = await openPipeline(library, PIPELINE_TASKS[known], directory, file, session.threads);
  report("answering a first request");
  return await describe(
    { directory, ...meta },
    { methods: METHODS[known]({ library, pipeline, scores }), warnings, close: () => pipeline.dispose() },
  );
}
