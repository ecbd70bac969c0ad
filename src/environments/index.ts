export { createEnvironments, type Environment, type Environments } from "./environment.ts";
