export { type DecodedInfer, decodeInfer } from "./decode.ts";
export { encodeInfer, writeData } from "./encode.ts";
export { encodeLarge, type LargeInfer } from "./large.ts";
export { createOipRoutes, type OipOptions } from "./routes.ts";
