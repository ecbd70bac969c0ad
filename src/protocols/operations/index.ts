export { createOperationsRoutes, type OperationsOptions } from "./routes.ts";
