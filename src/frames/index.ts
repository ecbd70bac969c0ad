export { FrameDecoder } from "./decoder.ts";
export { encodeFrame } from "./encode.ts";
export {
  FRAME_TYPES,
  type Frame,
  type FrameMetadata,
  type FrameName,
  type InferMetadata,
  type LoadMetadata,
} from "./frame.ts";
export { decodePayload, encodePayload } from "./payload.ts";
