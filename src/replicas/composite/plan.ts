import type { Target } from "../../core/inference.ts";
import type { EnsembleStep, ModelConfiguration } from "../../core/model-configuration.ts";
import type { ModelDescription } from "../../core/replica.ts";
import type { Signature } from "../../core/signature.ts";

/** An ensemble whose steps fit together. */
export interface EnsemblePlan {
  readonly name: string;
  readonly steps: readonly PlannedStep[];
  readonly inputs: readonly string[];
  readonly outputs: readonly PlannedOutput[];
  /** The ensemble's tensors have a dimension of rows in front. */
  readonly hasRows: boolean;
  /** What clients are told of it. */
  readonly signature: Signature;
}

export interface PlannedOutput {
  readonly name: string;
  /** Without the dimension of rows; -1 is variable. */
  readonly dims: readonly number[];
}

/** One step, with what its model has told. */
export interface PlannedStep {
  /** From 0. */
  readonly index: number;
  /** For messages: "step 2 of 3, model 'bert'". */
  readonly title: string;
  readonly model: string;
  readonly target: Target;
  readonly inputs: readonly PlannedInput[];
  readonly outputs: readonly StepOutput[];
  /** The first dimension of the model's tensors is rows, and the others are its `dims`. */
  readonly hasRows: boolean;
  /** Any number of answers to one request. */
  readonly streams: boolean;
  /** It is told which sequence a request belongs to. */
  readonly hearsOfSequences: boolean;
  /** What the model answers when nothing is asked for by name. */
  readonly answers: readonly string[];
}

export interface PlannedInput {
  /** Of the model. */
  readonly name: string;
  /** Of the ensemble. */
  readonly tensor: string;
  /** As the model takes it, without the dimension of rows; undefined where it has not told. */
  readonly dims: readonly number[] | undefined;
}

export interface StepOutput {
  /** Of the model. */
  readonly name: string;
  /** Of the ensemble. */
  readonly tensor: string;
}

/** A step as its configuration has it, and the model that is loaded for it. */
export interface DescribedStep {
  readonly step: EnsembleStep;
  readonly description: ModelDescription;
}

export interface EnsembleIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly configuration: ModelConfiguration;
}
