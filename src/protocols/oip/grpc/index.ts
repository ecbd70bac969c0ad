export { createOipMethods, type OipMethodsOptions } from "./methods.ts";
