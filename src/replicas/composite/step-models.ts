import { ServeError } from "../../core/errors.ts";
import type { EnsembleStep } from "../../core/model-configuration.ts";
import type { NestedInference } from "../../core/nested-inference.ts";
import type { ModelDescription, ReplicaReadiness } from "../../core/replica.ts";
import { whenAborted } from "../../core/when-aborted.ts";
import { type Graph, graphOf } from "./graph.ts";
import type { EnsembleIdentity, EnsemblePlan } from "./plan.ts";
import { planEnsemble, targetOf } from "./plan-ensemble.ts";

const MOST_GRAPHS = 64;

/** The models of an ensemble's steps while it is loaded: they may go, come back, or be replaced by others that fit or do not. */
export class StepModels implements ReplicaReadiness {
  readonly #ensemble: EnsembleIdentity;
  readonly #steps: readonly EnsembleStep[];
  /** Of each step's model the last description, and why it does not answer, if it does not. */
  readonly #descriptions: ModelDescription[];
  readonly #absent: Array<string | undefined>;
  readonly #ends: Array<() => void> = [];
  readonly #listeners = new Set<() => void>();
  readonly #graphs = new Map<string, Graph>();
  #plan: EnsemblePlan;
  #misfit: string | undefined;

  /** @param descriptions of each step's model, in their order. @throws ServeError INVALID_ARGUMENT when they do not fit together */
  constructor(ensemble: EnsembleIdentity, descriptions: readonly ModelDescription[]) {
    this.#ensemble = ensemble;
    this.#steps = stepsOf(ensemble);
    this.#descriptions = [...descriptions];
    this.#absent = this.#steps.map(() => undefined);
    this.#plan = this.#planned();
  }

  /** Of the models that were there last. */
  get plan(): EnsemblePlan {
    return this.#plan;
  }

  /** The part of it that some outputs need, or all of it. Few clients ask for other outputs each time. */
  graph(outputs: readonly string[] | undefined): Graph {
    const key = outputs?.join("\n") ?? "";
    const known = this.#graphs.get(key);
    if (known !== undefined) return known;
    if (this.#graphs.size >= MOST_GRAPHS) this.#graphs.clear();
    const graph = graphOf(this.#plan, outputs);
    this.#graphs.set(key, graph);
    return graph;
  }

  get obstacle(): string | undefined {
    return this.#absent.find((reason) => reason !== undefined) ?? this.#misfit;
  }

  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** From now on it knows of changes. */
  follow(nested: Pick<NestedInference, "watch">): void {
    this.#steps.forEach((step, index) => {
      const told = (found: ModelDescription | ServeError): void => this.#told(index, step, found);
      this.#ends.push(nested.watch(targetOf(this.#ensemble.namespace, step), told));
    });
  }

  close(): void {
    for (const end of this.#ends) end();
  }

  #told(index: number, step: EnsembleStep, found: ModelDescription | ServeError): void {
    const before = this.obstacle;
    this.#absent[index] = found instanceof ServeError ? notLoaded(this.#ensemble, step, found) : undefined;
    if (!(found instanceof ServeError) && found !== this.#descriptions[index]) {
      this.#descriptions[index] = found;
      this.#misfit = this.#refit();
    }
    if (this.obstacle !== before) for (const listener of this.#listeners) listener();
  }

  /** Why the models do not fit any more. */
  #refit(): string | undefined {
    try {
      const plan = this.#planned();
      if (plan.signature.streaming !== this.#plan.signature.streaming)
        return `ensemble '${this.#ensemble.name}' has to be loaded again: one of its models is decoupled now, or not any more`;
      this.#plan = plan;
      this.#graphs.clear();
      return undefined;
    } catch (error) {
      return ServeError.from(error).message;
    }
  }

  #planned(): EnsemblePlan {
    return planEnsemble(
      this.#ensemble,
      this.#steps.map((step, index) => ({ step, description: this.#descriptions[index] as ModelDescription })),
    );
  }
}

/**
 * What the models of an ensemble's steps take and give, as soon as all of them answer.
 * @throws ServeError FAILED_PRECONDITION that names the model which does not
 */
export async function describeSteps(
  ensemble: EnsembleIdentity,
  nested: Pick<NestedInference, "describe">,
  report: (step: string) => void,
  signal: AbortSignal,
): Promise<readonly ModelDescription[]> {
  const steps = stepsOf(ensemble);
  const open = steps.map(({ modelName }) => modelName);
  const tell = (): void => {
    if (open.length > 0) report(`waiting for ${[...new Set(open)].join(", ")}`);
  };
  tell();
  const described = async (step: EnsembleStep): Promise<ModelDescription> => {
    const description = await nested.describe(targetOf(ensemble.namespace, step), waiting.signal);
    open.splice(open.indexOf(step.modelName), 1);
    if (!waiting.signal.aborted) tell();
    return description;
  };
  // With one of them there is nothing to wait for any more.
  const waiting = new AbortController();
  const forget = whenAborted(signal, () => waiting.abort(signal.reason));
  try {
    signal.throwIfAborted();
    return await Promise.all(
      steps.map((step) => described(step).catch((error: unknown) => Promise.reject(unloaded(ensemble, step, error)))),
    );
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    forget();
    waiting.abort(new ServeError("CANCELLED", "the ensemble does not wait any more"));
  }
}

function unloaded(ensemble: EnsembleIdentity, step: EnsembleStep, error: unknown): ServeError {
  return new ServeError("FAILED_PRECONDITION", notLoaded(ensemble, step, ServeError.from(error)), { cause: error });
}

function stepsOf({ configuration }: EnsembleIdentity): readonly EnsembleStep[] {
  return configuration.ensemble?.steps ?? [];
}

/** Triton's words, and why. */
function notLoaded({ name }: EnsembleIdentity, { modelName, modelVersion }: EnsembleStep, { message }: ServeError): string {
  const lacks = modelVersion === undefined ? "which has no loaded version" : `whose required version ${modelVersion} is not loaded`;
  return `ensemble '${name}' depends on '${modelName}' ${lacks}: ${message}`;
}
