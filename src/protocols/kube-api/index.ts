export { createKubeApiRoutes, type KubeApiOptions } from "./routes.ts";
