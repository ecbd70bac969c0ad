export { createMlflowRoutes, type MlflowOptions } from "./routes.ts";
