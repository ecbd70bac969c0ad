export { decodeInfer } from "./decode.ts";
export { writeData } from "./encode.ts";
export type { LargeInfer } from "./large.ts";
export { createOipRoutes, type OipOptions } from "./routes.ts";
