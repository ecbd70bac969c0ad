export { FrameDecoder } from "./decoder.ts";
export { encodeFrame } from "./encode.ts";
export {
  type CallMetadata,
  FRAME_TYPES,
  type Frame,
  type FrameMetadata,
  type FrameName,
  type InferMetadata,
  type LoadMetadata,
} from "./frame.ts";
export type { JsonText } from "./json.ts";
export { decodeAnswer, decodePayload, encodePayload } from "./payload.ts";
export { decodeTogether, requestMetadata, type TogetherAnswer } from "./together.ts";
export { TogetherEncoder } from "./together-encoder.ts";
