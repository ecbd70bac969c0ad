import type { ModelDescription } from "./replica.ts";

export type ModelFormat = "sklearn" | "xgboost" | "lightgbm" | "onnx" | "python" | "typescript";

/** One version of a model as it lies on disk. */
export interface ModelSpec {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly format: ModelFormat;
  /** The model's file, or for custom code the file with the class. */
  readonly file: string;
  /** The folder that belongs to this version. */
  readonly directory: string;
  /** `requirements.txt` of the version's folder or the model's, when there is one. */
  readonly requirements?: string;
  /** `example.json` of the version's folder or the model's, when there is one. */
  readonly example?: string;
  /** Size of the artefact in bytes. */
  readonly bytes: number;
}

/** A file or folder that was found but is not served, and why. */
export interface Rejection {
  readonly path: string;
  readonly reason: string;
}

export type ModelState = "registered" | "preparing" | "loading" | "ready" | "draining" | "failed";

/** One model version as everybody may see it. */
export interface ModelStatus {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly format: ModelFormat;
  readonly state: ModelState;
  /** Served when a request names no version. */
  readonly latest: boolean;
  /** What is going on, or why it failed and what to do. */
  readonly reason: string;
  readonly description: ModelDescription | undefined;
  /** Resident bytes of the host process, shared pages counted proportionally; 0 when there is none. */
  readonly memoryBytes: number;
  readonly hostPid: number | undefined;
}

/** The validator of model names everywhere. */
export const MODEL_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
export const MODEL_VERSION = /^[0-9]{1,18}$/;
export const DEFAULT_NAMESPACE = "default";
