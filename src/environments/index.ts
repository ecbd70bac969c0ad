export { removeUnusedDaily } from "./daily.ts";
export { createEnvironments, type Environment, type Environments } from "./environment.ts";
export { findInterpreters } from "./interpreter.ts";
export { ensureNamedEnvironment, findNamedEnvironment, type NamedEnvironment } from "./named-environment.ts";
export { NodePackages, needsTransformers } from "./node-packages.ts";
export { currentPlatform } from "./platform.ts";
