export { type DecodedPredict, decodePredict } from "./decode.ts";
export type { LargePredict } from "./large.ts";
export { createV1Routes, type V1Options } from "./routes.ts";
