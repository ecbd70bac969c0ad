export type { Extensions } from "../extensions/extensions.ts";
export { PROFILES } from "../profile.ts";
export { type DecodedInfer, decodeInfer } from "./decode.ts";
export { encodeInfer, writeData } from "./encode.ts";
export { encodeLarge, type LargeInfer } from "./large.ts";
export { createOipRoutes, type OipOptions } from "./routes.ts";
