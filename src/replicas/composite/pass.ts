import { Cancellation } from "../../core/cancellation.ts";
import { ServeError } from "../../core/errors.ts";
import type { Payload } from "../../core/inference.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { Graph } from "./graph.ts";
import type { PlannedStep } from "./plan.ts";
import { inputOf, outputOf, rowsOf, type Value } from "./values.ts";

/** What a step is asked with. */
export interface StepRequest {
  readonly step: PlannedStep;
  readonly tensors: readonly Tensor[];
  readonly rows: number;
}

/** The answer, or the decoupled step that everything else waits for. */
export type PassEnd = { readonly answer: Payload } | { readonly decoupled: StepRequest };

export interface PassOptions {
  readonly graph: Graph;
  /** Its answer, by tensor of the ensemble. */
  readonly ask: (request: StepRequest, cancellation: Cancellation) => Promise<ReadonlyMap<string, Value>>;
}

/**
 * One way of a set of tensors through the steps, up to the answer or the next decoupled step: each step begins as soon as its inputs are
 * there, and each tensor is let go when nobody needs it any more. When a step fails, the others are given up.
 */
export class Pass {
  readonly #options: PassOptions;
  readonly #values = new Map<string, Value>();
  readonly #uses: Map<string, number>;
  readonly #underWay = new Set<Cancellation>();
  #decoupled: StepRequest | undefined;
  #failure: Error | undefined;
  #resolve!: (end: PassEnd) => void;
  #reject!: (reason: Error) => void;
  /** How it ends: rejects with the ServeError of the step that failed first, or with why it was given up. */
  readonly end = new Promise<PassEnd>((resolve, reject) => {
    this.#resolve = resolve;
    this.#reject = reject;
  });

  /** @param given by tensor of the ensemble */
  constructor(options: PassOptions, given: ReadonlyMap<string, Value>) {
    this.#options = options;
    this.#uses = new Map(options.graph.uses);
    for (const [tensor, value] of given) this.#put(tensor, value);
    this.#rest();
  }

  /** Nobody waits for it any more. */
  abort(reason: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = reason;
    this.#values.clear();
    this.#reject(reason);
    for (const cancellation of this.#underWay) cancellation.abort(reason);
  }

  #put(tensor: string, value: Value): void {
    if (!this.#uses.has(tensor)) return;
    this.#values.set(tensor, value);
    for (const step of this.#options.graph.consumers.get(tensor) ?? [])
      if (step.inputs.every((input) => this.#values.has(input.tensor))) this.#begin(step);
  }

  #begin(step: PlannedStep): void {
    const tensors = step.inputs.flatMap((input) => inputOf(this.#values.get(input.tensor) as Value, input, step) ?? []);
    for (const tensor of new Set(step.inputs.map((input) => input.tensor))) this.#release(tensor);
    const request: StepRequest = { step, tensors, rows: rowsOf(tensors, step.hasRows) };
    if (step.streams) this.#decoupled = request;
    else void this.#ask(request);
  }

  async #ask(request: StepRequest): Promise<void> {
    const cancellation = new Cancellation();
    this.#underWay.add(cancellation);
    try {
      const outputs = await this.#options.ask(request, cancellation);
      this.#underWay.delete(cancellation);
      if (this.#failure !== undefined) return;
      for (const [tensor, value] of outputs) this.#put(tensor, value);
      this.#rest();
    } catch (error) {
      this.#underWay.delete(cancellation);
      this.abort(error as Error);
    }
  }

  #release(tensor: string): void {
    const left = (this.#uses.get(tensor) ?? 1) - 1;
    if (left > 0) this.#uses.set(tensor, left);
    else {
      this.#uses.delete(tensor);
      this.#values.delete(tensor);
    }
  }

  /** Nothing is under way any more: it is at its end. */
  #rest(): void {
    if (this.#underWay.size > 0) return;
    const { outputs, plan } = this.#options.graph;
    if (this.#decoupled !== undefined) this.#resolve({ decoupled: this.#decoupled });
    else if (outputs.every(({ name }) => this.#values.has(name))) {
      // An output that its model has not given is not answered, as in Triton.
      const tensors = outputs.flatMap((output) => outputOf(this.#values.get(output.name) as Value, output, plan.hasRows) ?? []);
      this.#values.clear();
      this.#resolve({ answer: { kind: "tensors", tensors } });
    } else {
      const missing = outputs.find(({ name }) => !this.#values.has(name))?.name;
      this.abort(new ServeError("INTERNAL", `in ensemble '${plan.name}', no step is left that could give the output '${missing}'`));
    }
  }
}
