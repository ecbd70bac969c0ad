export type { Indexed } from "../core/map.ts";
export { answerCall, type CallsOptions, type LocalCall, openContext, performCall } from "./calls.ts";
export type { HandleDoor, HandleTarget } from "./door.ts";
export { createHandle } from "./handle.ts";
export { heldStatus, statusOf } from "./held-status.ts";
export { type HttpHandleOptions, openHandle } from "./http.ts";
export { createInProcessDoor, type InProcessDoor } from "./in-process.ts";
export type {
  HandleFuture,
  HandleStatus,
  MapOptions,
  MethodHandle,
  ModelHandle,
  RunOptions,
} from "./model-handle.ts";
export type { InputList, InputValue, InputValues, OutputTensor, OutputValues } from "./values.ts";
export { decodeInputs, encodeAnswer, framed, JSON_LENGTH_HEADER, MODEL_ID_HEADER, STREAM_TYPE } from "./wire.ts";
