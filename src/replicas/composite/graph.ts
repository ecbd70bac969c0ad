import type { EnsemblePlan, PlannedOutput, PlannedStep } from "./plan.ts";

/** The part of an ensemble that some of its outputs need. */
export interface Graph {
  readonly plan: EnsemblePlan;
  readonly outputs: readonly PlannedOutput[];
  /** By tensor: the steps that take it. */
  readonly consumers: ReadonlyMap<string, readonly PlannedStep[]>;
  /** By tensor: how many steps take it, and one more when it is an output. */
  readonly uses: ReadonlyMap<string, number>;
  /** By step: what it is asked for; undefined for what its model answers anyway. */
  readonly asked: ReadonlyMap<PlannedStep, readonly string[] | undefined>;
  /** Decoupled steps one behind the other; 0 for one answer to each request. */
  readonly depth: number;
}

/** @param wanted names of outputs, in the order in which they are to be answered; undefined for all */
export function graphOf(plan: EnsemblePlan, wanted?: readonly string[]): Graph {
  const outputs = wanted?.flatMap((name) => plan.outputs.find((output) => output.name === name) ?? []) ?? plan.outputs;
  const writers = new Map(plan.steps.flatMap((step) => step.outputs.map(({ tensor }) => [tensor, step] as const)));
  const needed = new Set<PlannedStep>();
  const look = (tensor: string): void => {
    const step = writers.get(tensor);
    if (step === undefined || needed.has(step)) return;
    needed.add(step);
    for (const input of step.inputs) look(input.tensor);
  };
  for (const { name } of outputs) look(name);
  const steps = plan.steps.filter((step) => needed.has(step));
  const consumers = new Map<string, PlannedStep[]>();
  for (const step of steps) {
    for (const tensor of new Set(step.inputs.map((input) => input.tensor))) consumers.set(tensor, [...(consumers.get(tensor) ?? []), step]);
  }
  const uses = new Map([...consumers].map(([tensor, { length }]) => [tensor, length]));
  for (const { name } of outputs) uses.set(name, (uses.get(name) ?? 0) + 1);
  const asked = new Map(steps.map((step) => [step, askedOf(step, uses)]));
  return { plan, outputs, consumers, uses, asked, depth: steps.filter(({ streams }) => streams).length };
}

function askedOf({ outputs, answers }: PlannedStep, uses: Graph["uses"]): readonly string[] | undefined {
  const names = outputs.filter(({ tensor }) => uses.has(tensor)).map(({ name }) => name);
  const isAll = answers.length === 0 || (answers.length === names.length && answers.every((name) => names.includes(name)));
  return isAll ? undefined : names;
}
