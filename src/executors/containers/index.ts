export { type Containers, createContainers } from "./containers.ts";
export { findEngines } from "./engine.ts";
export type { FoundEngine } from "./found-engine.ts";
