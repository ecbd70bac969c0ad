import type { InferRequest, InferResponse, Target } from "./inference.ts";
import type { ModelStatus, Rejection } from "./model.ts";

/** The door for requests. Every protocol calls this one and nothing else. */
export interface DataPlane {
  /**
   * Before the body is read: is there such a model, can it serve, is there room for `declaredBytes` more?
   * @throws ServeError NOT_FOUND, UNAVAILABLE or RESOURCE_EXHAUSTED
   */
  admit(target: Target, declaredBytes: number): void;
  infer(request: InferRequest): Promise<InferResponse>;
}

/** The door for questions about models. */
export interface ControlPlane {
  /** Every version of every model. */
  list(): readonly ModelStatus[];
  /** The version that the target means; its latest when it names none. @throws ServeError NOT_FOUND */
  get(target: Target): ModelStatus;
  /** Versions of one model, ascending. @throws ServeError NOT_FOUND */
  versions(target: Target): readonly ModelStatus[];
  /** Files and folders that were found and are not served. */
  rejections(): readonly Rejection[];
  /** True when every model has been tried and at least one answers. */
  ready(): boolean;
}
