export { createEnvironments, type Environment, type Environments } from "./environment.ts";
export { findInterpreters } from "./interpreter.ts";
