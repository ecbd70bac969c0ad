export { createTorchServeRoutes, type TorchServeOptions } from "./routes.ts";
