import type { Events } from "../core/events.ts";
import type { InferenceStatistics, ModelStatistics } from "../core/inference-statistics.ts";
import type { ControlPlane } from "../core/planes.ts";
import type { Family, Labels } from "./families.ts";

type Sample = { readonly labels: Labels; readonly value: number };

/** Triton's metrics under Triton's names, for dashboards that are there already; times in microseconds. */
export function tritonFamilies(statistics: InferenceStatistics, controlPlane: Pick<ControlPlane, "list">, events: Events): Family[] {
  const counter = (name: string, help: string, pick: (of: ModelStatistics) => number): Family => ({
    name,
    help,
    type: "counter",
    *samples() {
      for (const of of statistics.all()) yield { labels: labelsOf(of), value: Math.round(pick(of)) };
    },
  });
  const loads = new Map<string, Sample>();
  events.on("model-loaded", ({ namespace, model, version, loadMs }) => {
    loads.set(`${namespace}/${model}/${version}`, { labels: { namespace, model, version }, value: loadMs / 1000 });
  });
  return [
    counter("nv_inference_request_success", "Inference requests that were answered.", ({ success }) => success.count),
    {
      name: "nv_inference_request_failure",
      help: "Inference requests that failed, by why.",
      type: "counter",
      *samples() {
        for (const of of statistics.all()) for (const [reason, value] of of.failures) yield { labels: { ...labelsOf(of), reason }, value };
      },
    },
    counter(
      "nv_inference_count",
      "Rows that models have inferred; what the response cache answered is not among them.",
      (of) => of.inferences,
    ),
    counter("nv_inference_exec_count", "Calls of models.", ({ executions }) => executions),
    counter("nv_inference_request_duration_us", "Time of answered requests.", ({ success }) => success.ms * 1000),
    counter("nv_inference_queue_duration_us", "Time that they waited.", ({ queue }) => queue.ms * 1000),
    counter("nv_inference_compute_input_duration_us", "Time in which they were read and decoded.", (of) => of.computeInput.ms * 1000),
    counter("nv_inference_compute_infer_duration_us", "Time of the calls that answered them.", (of) => of.computeInfer.ms * 1000),
    counter(
      "nv_inference_compute_output_duration_us",
      "Time in which their answers were fetched and written.",
      (of) => of.computeOutput.ms * 1000,
    ),
    counter("nv_cache_num_hits_per_model", "Requests that the response cache answered.", ({ cacheHit }) => cacheHit.count),
    counter("nv_cache_num_misses_per_model", "Requests whose answers went into it.", ({ cacheMiss }) => cacheMiss.count),
    counter("nv_cache_hit_duration_per_model", "Time of the requests that it answered.", ({ cacheHit }) => cacheHit.ms * 1000),
    counter("nv_cache_miss_duration_per_model", "Time of the others besides queue and model.", ({ cacheMiss }) => cacheMiss.ms * 1000),
    {
      name: "nv_inference_pending_request_count",
      help: "Requests that wait for a model.",
      type: "gauge",
      *samples() {
        for (const { namespace, name, version, queued } of controlPlane.list())
          yield { labels: { namespace, model: name, version }, value: queued };
      },
    },
    {
      name: "nv_model_load_duration_secs",
      help: "Time that the last load of a model took.",
      type: "gauge",
      samples: () => loads.values(),
    },
  ];
}

function labelsOf({ namespace, model, version }: ModelStatistics): Labels {
  return { namespace, model, version };
}
