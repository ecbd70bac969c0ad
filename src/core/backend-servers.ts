import type { UpstreamSpec } from "./upstream.ts";

/** A model of a Triton model repository whose backend is looked for. */
export interface BackendQuestion {
  /** As its configuration says or means it: "onnxruntime", "python", "tensorrt". */
  readonly backend: string;
  readonly modelName: string;
  /** The model's folder. Absolute. */
  readonly folder: string;
  /** This server has a backend of its own for it. */
  readonly isOwn: boolean;
}

/**
 * What has a model's backend: this server; a real tritonserver on this machine, as `upstream` says, which is given the model's whole folder;
 * or neither, with a sentence that says what is missing, how it comes here, and what else could serve the model's files.
 */
export type BackendPlace =
  | { readonly kind: "own" }
  | { readonly kind: "server"; readonly upstream: UpstreamSpec }
  | { readonly kind: "nowhere"; readonly reason: string };

/** Who serves models of Triton's backends. */
export interface BackendServers {
  placeOf(question: BackendQuestion): Promise<BackendPlace>;
}
