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
export { decodeAnswer, decodePayload, encodePayload } from "./payload.ts";
export { decodeTogether, encodeTogether, requestMetadata, type TogetherAnswer } from "./together.ts";
