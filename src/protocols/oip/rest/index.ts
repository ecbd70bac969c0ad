export { createOipRoutes, type OipOptions } from "./routes.ts";
