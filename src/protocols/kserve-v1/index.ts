export { createV1Routes, type V1Options } from "./routes.ts";
