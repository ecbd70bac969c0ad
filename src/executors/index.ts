export { createLocalExecutor } from "./local.ts";
export { availableMemory, processMemory } from "./memory.ts";
