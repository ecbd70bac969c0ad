export { removeUnusedDaily } from "./daily.ts";
export { createEnvironments, type Environment, type Environments } from "./environment.ts";
export { findInterpreters } from "./interpreter.ts";
export { NodePackages, needsTransformers } from "./node-packages.ts";
