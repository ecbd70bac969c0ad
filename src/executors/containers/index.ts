export { type Containers, createContainers } from "./containers.ts";
export { chooseEngine, findEngines } from "./engine.ts";
export type { FoundEngine } from "./found-engine.ts";
