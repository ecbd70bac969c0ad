import { expect, it } from "vitest";
import { ensembleConfiguration, modelDescription } from "../../../test/ensembles.ts";
import type { ModelConfiguration } from "../../core/model-configuration.ts";
import type { ModelDescription } from "../../core/replica.ts";
import type { EnsemblePlan } from "./plan.ts";
import { planEnsemble } from "./plan-ensemble.ts";

const STEPS = [
  { modelName: "first", inputMap: { a: "x" }, outputMap: { b: "between" } },
  { modelName: "second", inputMap: { c: "between" }, outputMap: { d: "y" } },
];
const FIRST = modelDescription(["a FP32 [2]"], ["b FP32 [3]"]);
const SECOND = modelDescription(["c FP32 [3]"], ["d FP32 [1]"]);

function planned(configuration: ModelConfiguration, ...descriptions: ModelDescription[]): EnsemblePlan {
  const described = (configuration.ensemble?.steps ?? []).map((step, index) => ({
    step,
    description: descriptions[index] as ModelDescription,
  }));
  return planEnsemble({ namespace: "default", name: "all", configuration }, described);
}

const simple = ensembleConfiguration({ inputs: ["x FP32 [2]"], outputs: ["y FP32 [1]"], steps: STEPS });

it("has the inputs and outputs that its configuration says, with rows in front where it has any", () => {
  expect(planned(simple, FIRST, SECOND).signature).toEqual({
    accepts: "tensors",
    inputs: [{ name: "x", datatype: "FP32", shape: [2] }],
    outputs: [{ name: "y", datatype: "FP32", shape: [1], declared: true }],
  });
  const batched = ensembleConfiguration({ inputs: ["x FP32 [2] optional"], outputs: ["y FP32 [1]"], steps: STEPS, maxBatchSize: 4 });
  const [first, second] = [
    modelDescription(["a FP32 [-1,2] optional"], ["b FP32 [-1,3]"], { maxBatchSize: 4 }),
    modelDescription(["c FP32 [-1,3]"], ["d FP32 [-1,1]"], { maxBatchSize: 8 }),
  ];
  expect(planned(batched, first, second).signature).toMatchObject({
    inputs: [{ name: "x", shape: [-1, 2], optional: true }],
    outputs: [{ name: "y", shape: [-1, 1] }],
    maxRows: 4,
  });
});

it("has the labels of the model that writes an output", () => {
  const labelled = modelDescription([], []).methods.predict;
  const description: ModelDescription = {
    ...SECOND,
    methods: {
      predict: {
        ...labelled,
        accepts: "tensors",
        inputs: [{ name: "c", datatype: "FP32", shape: [3] }],
        outputs: [{ name: "d", datatype: "FP32", shape: [1], labels: ["cat", "dog"] }],
      },
    },
  };
  expect(planned(simple, FIRST, description).signature.outputs[0]?.labels).toEqual(["cat", "dog"]);
});

it.each<[string, ModelConfiguration, ModelDescription, ModelDescription, string]>([
  [
    "an input that the model does not have",
    simple,
    modelDescription(["q FP32 [2] optional"], ["b FP32 [3]"]),
    SECOND,
    "in ensemble 'all', ensemble tensor 'x' is mapping to non-existing input 'a' in model 'first'; it has q",
  ],
  [
    "an output that the model does not have",
    simple,
    modelDescription(["a FP32 [2]"], ["z FP32 [3]"]),
    SECOND,
    "in ensemble 'all', ensemble tensor 'between' is mapped from non-existing output 'b' in model 'first'; it has z",
  ],
  [
    "an input that nothing is mapped to",
    simple,
    FIRST,
    modelDescription(["c FP32 [3]", "e FP32 [3]"], ["d FP32 [1]"]),
    "in ensemble 'all', input 'e' in model 'second' is not mapped to any ensemble tensors",
  ],
  [
    "another datatype",
    simple,
    FIRST,
    modelDescription(["c INT32 [3]"], ["d FP32 [1]"]),
    "in ensemble 'all', ensemble tensor 'between': inconsistent data type: FP32 is inferred from model 'first' while INT32 is inferred from model 'second'",
  ],
  [
    "another shape",
    simple,
    FIRST,
    modelDescription(["c FP32 [4]"], ["d FP32 [1]"]),
    "in ensemble 'all', ensemble tensor 'between': inconsistent shape: [3] is inferred from model 'first' while [4] is inferred from model 'second'",
  ],
  [
    "a model of fewer rows",
    ensembleConfiguration({ inputs: ["x FP32 [2]"], outputs: ["y FP32 [1]"], steps: STEPS, maxBatchSize: 4 }),
    modelDescription(["a FP32 [-1,2]"], ["b FP32 [-1,3]"], { maxBatchSize: 2 }),
    SECOND,
    "ensemble 'all' allows maximum batch size 4, but it contains model 'first' which only allows maximum batch size to be 2",
  ],
  [
    "tensors that nothing writes",
    ensembleConfiguration({
      inputs: ["x FP32 [2]"],
      outputs: ["y FP32 [1]"],
      steps: [STEPS[0] as (typeof STEPS)[number], { modelName: "second", inputMap: { c: "nowhere" }, outputMap: { d: "y" } }],
    }),
    FIRST,
    SECOND,
    "in ensemble 'all', step 2 of 2, model 'second', needs the tensor 'nowhere', which is not written",
  ],
  [
    "a cache of answers that are never equal",
    ensembleConfiguration({ inputs: ["x FP32 [2]"], outputs: ["y FP32 [1]"], steps: STEPS, responseCache: true }),
    FIRST,
    modelDescription(["c FP32 [3]"], ["d FP32 [1]"], { stateful: true }),
    "ensemble 'all' cannot have response_cache: model 'second' keeps state between requests, so equal requests have no equal answers",
  ],
])("refuses %s", (_what, configuration, first, second, message) => {
  expect(() => planned(configuration, first, second)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT", message }));
});

it("takes a model without rows between models with rows where whole tensors fit", () => {
  const batched = ensembleConfiguration({ inputs: ["x FP32 [2]"], outputs: ["y FP32 [1]"], steps: STEPS, maxBatchSize: 4 });
  const first = modelDescription(["a FP32 [-1,2]"], ["b FP32 [-1,3]"], { maxBatchSize: 4 });
  expect(planned(batched, first, modelDescription(["c FP32 [-1,3]"], ["d FP32 [-1,1]"], { maxBatchSize: 0 })).steps).toHaveLength(2);
});

it("streams when a step does, and refuses tensors of different streams in one step or answer", () => {
  const decoupled = modelDescription(["a FP32 [2]"], ["b FP32 [3]"], { streaming: true });
  expect(planned(simple, decoupled, SECOND).signature.streaming).toBe(true);
  const meeting = ensembleConfiguration({
    inputs: ["x FP32 [2]"],
    outputs: ["y FP32 [1]"],
    steps: [STEPS[0] as (typeof STEPS)[number], { modelName: "second", inputMap: { c: "between", e: "x" }, outputMap: { d: "y" } }],
  });
  const two = modelDescription(["c FP32 [3]", "e FP32 [2]"], ["d FP32 [1]"]);
  expect(() => planned(meeting, decoupled, two)).toThrow(
    "in ensemble 'all', step 2 of 2, model 'second', receives inputs originated from different decoupled models",
  );
  const both = ensembleConfiguration({ inputs: ["x FP32 [2]"], outputs: ["y FP32 [1]", "between FP32 [3]"], steps: STEPS });
  const last = modelDescription(["c FP32 [3]"], ["d FP32 [1]"], { streaming: true });
  expect(() => planned(both, FIRST, last)).toThrow("the outputs originate from different decoupled models");
});
