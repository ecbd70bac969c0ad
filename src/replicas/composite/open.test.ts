import { expect, it } from "vitest";
import { ensembleConfiguration, modelDescription } from "../../../test/ensembles.ts";
import { ServeError } from "../../core/errors.ts";
import type { NestedInference } from "../../core/nested-inference.ts";
import type { ModelDescription } from "../../core/replica.ts";
import { openEnsemble } from "./open.ts";

const configuration = ensembleConfiguration({
  inputs: ["x FP32 [2]"],
  outputs: ["y FP32 [2]"],
  steps: [{ modelName: "one", inputMap: { i: "x" }, outputMap: { o: "y" } }],
});
const ENSEMBLE = { namespace: "default", name: "all", version: "1", configuration };
const ONE = modelDescription(["i FP32 [2]"], ["o FP32 [2]"]);
const { signal } = new AbortController();

/** Models that are described as `first`, and then are what a test tells. */
class Models implements NestedInference {
  tell: (found: ModelDescription | ServeError) => void = () => undefined;
  watched = 0;
  readonly #later: ModelDescription | ServeError;

  constructor(later: ModelDescription | ServeError = ONE) {
    this.#later = later;
  }

  infer = (): Promise<never> => Promise.reject(new Error("not asked for"));

  describe = (): Promise<ModelDescription> => Promise.resolve(ONE);

  watch(_target: unknown, listener: (found: ModelDescription | ServeError) => void): () => void {
    this.tell = listener;
    this.watched++;
    listener(this.#later);
    return () => {
      this.watched--;
    };
  }
}

it("is not opened when a model goes before that", async () => {
  const models = new Models(new ServeError("UNAVAILABLE", "it has gone"));
  await expect(openEnsemble(ENSEMBLE, models, signal)).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    message: "ensemble 'all' depends on 'one' which has no loaded version: it has gone",
  });
  expect(models.watched).toBe(0);
});

it("tells of each change once, and of none any more when it is closed", async () => {
  const models = new Models();
  const replica = await openEnsemble(ENSEMBLE, models, signal);
  const told: Array<string | undefined> = [];
  const end = replica.readiness.watch(() => told.push(replica.readiness.obstacle));
  models.tell(new ServeError("UNAVAILABLE", "it has gone"));
  models.tell(new ServeError("UNAVAILABLE", "it has gone"));
  models.tell(ONE);
  models.tell(modelDescription(["i FP32 [2]"], ["o FP32 [2]"], { streaming: true }));
  expect(told).toEqual([
    "ensemble 'all' depends on 'one' which has no loaded version: it has gone",
    undefined,
    "ensemble 'all' has to be loaded again: one of its models is decoupled now, or not any more",
  ]);
  end();
  await replica.close();
  expect(models.watched).toBe(0);
});
