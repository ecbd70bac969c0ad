/** Accelerators that a configuration runs models on. */
export type Accelerator = "none" | "nvidia" | "neuron";

/** What a user writes for a configuration of their own; what is left out is as in the one that it extends. */
export interface WrittenConfiguration {
  /** A configuration that it begins as; `cpu` when absent. */
  readonly extends?: string | undefined;
  readonly devices?: Accelerator | undefined;
  readonly "run-as"?: RunAs | undefined;
  readonly engine?: Engine | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Images by the name of the runtime. */
  readonly images?: Readonly<Record<string, string>> | undefined;
}

export type RunAs = "auto" | "process" | "container";
export type Engine = "auto" | "podman" | "docker" | "off";

/** How servers of their own run on this machine, under one name: what NOS calls an InferenceServiceRuntimeConfig. */
export interface RuntimeConfiguration {
  readonly name: string;
  readonly devices: Accelerator;
  readonly runAs: RunAs;
  readonly engine: Engine;
  /** For every server, below what its runtime and its service say. */
  readonly environment: Readonly<Record<string, string>>;
  readonly images: Readonly<Record<string, string>>;
}
