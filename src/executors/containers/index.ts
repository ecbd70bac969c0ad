export { type Containers, createContainers } from "./containers.ts";
export { chooseEngine, type EngineChoice, type FoundEngine, findEngines } from "./engine.ts";
