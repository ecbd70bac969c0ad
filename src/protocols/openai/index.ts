export { createOpenAiRoutes } from "./routes.ts";
