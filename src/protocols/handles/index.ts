export { Futures } from "./futures.ts";
export { createHandleRoutes, type HandleRoutesOptions } from "./routes.ts";
