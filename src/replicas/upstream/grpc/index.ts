export { createGrpcClient } from "./client.ts";
export { checkHealth } from "./health.ts";
