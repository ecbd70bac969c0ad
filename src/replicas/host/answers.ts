import { CODES, type Code, ServeError } from "../../core/errors.ts";
import type { Payload } from "../../core/inference.ts";
import type { ModelDescription, ReplicaResult } from "../../core/replica.ts";
import { decodeAnswer, decodeTogether, FRAME_TYPES, type Frame, type FrameMetadata } from "../../frames/index.ts";

/** Who waits for the frames of one stream, with a function for each frame that may come. Each stream ends with exactly one of them. */
export interface StreamListener {
  onProgress?(step: string): void;
  onChunk?(payload: Payload): void;
  onReady?(description: ModelDescription): void;
  onResult?(result: ReplicaResult): void;
  /** Of an infer frame with so many requests: what became of each. */
  readonly together?: { readonly requests: number; onAnswers(answers: Array<ReplicaResult | ServeError>): void };
  onEnd?(): void;
  onPong?(): void;
  onError(error: ServeError): void;
}

/**
 * Hands a frame to who waits for it; true when it ends the stream.
 * @throws ServeError INTERNAL for a frame that this stream cannot have, DATA_LOSS for one whose payload is broken
 */
export function handOver(listener: StreamListener, { type, meta, blobs }: Frame): boolean {
  switch (type) {
    case FRAME_TYPES.progress:
      if (listener.onProgress === undefined) break;
      listener.onProgress(String(meta.step));
      return false;
    case FRAME_TYPES.chunk:
      if (listener.onChunk === undefined) break;
      listener.onChunk(decodeAnswer(meta, blobs));
      return false;
    case FRAME_TYPES.ready:
      if (listener.onReady === undefined) break;
      listener.onReady(descriptionOf(meta.description));
      return true;
    case FRAME_TYPES.result:
      if (listener.together !== undefined) {
        listener.together.onAnswers(answersOf(meta, blobs, listener.together.requests));
        return true;
      }
      if (listener.onResult === undefined) break;
      listener.onResult({ payload: decodeAnswer(meta, blobs), computeMs: durationOf(meta.computeMs) });
      return true;
    case FRAME_TYPES.end:
      if (listener.onEnd === undefined) break;
      listener.onEnd();
      return true;
    case FRAME_TYPES.pong:
      if (listener.onPong === undefined) break;
      listener.onPong();
      return true;
    case FRAME_TYPES.error:
      listener.onError(errorOf(meta as unknown as Partial<FrameMetadata["error"]>));
      return true;
  }
  throw new ServeError("INTERNAL", `the model's host process answered with a frame '${nameOf(type)}', which is no answer to this call`);
}

function answersOf(meta: Frame["meta"], blobs: Frame["blobs"], requests: number): Array<ReplicaResult | ServeError> {
  const computeMs = durationOf(meta.computeMs);
  return decodeTogether(meta, blobs, requests).map((answer) =>
    "error" in answer ? errorOf(answer.error) : { payload: answer.payload, computeMs },
  );
}

/** One value that is no number would spoil every sum that it is added to. */
function durationOf(value: unknown): number {
  return typeof value === "number" && value >= 0 && Number.isFinite(value) ? value : 0;
}

/** @throws ServeError INTERNAL when it lacks what every model has */
function descriptionOf(value: unknown): ModelDescription {
  const { methods, warnings, framework } = (isObject(value) ? value : {}) as Partial<ModelDescription>;
  if (isObject(methods) && Object.values(methods).every(isSignature) && Array.isArray(warnings) && typeof framework === "string") {
    return value as ModelDescription;
  }
  throw new ServeError("INTERNAL", "the model's host process described the model without its framework, methods or warnings");
}

function isSignature(value: unknown): boolean {
  return isObject(value) && Array.isArray(value.inputs) && Array.isArray(value.outputs);
}

function errorOf({ code, message, detail }: Partial<FrameMetadata["error"]>): ServeError {
  const known: Code = CODES.find((each) => each === code) ?? "INTERNAL";
  const text = typeof message === "string" ? message : "the model's host process gave no reason";
  return new ServeError(known, text, detail === undefined ? {} : { cause: new Error(String(detail)) });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function nameOf(type: number): string {
  return Object.entries(FRAME_TYPES).find(([, number]) => number === type)?.[0] ?? String(type);
}
