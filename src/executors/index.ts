export { cgroupMemory } from "./cgroup.ts";
export {
  type Confinement,
  confined,
  decideIsolation,
  type IsolationMode,
  type Mechanisms,
  modelView,
  probeMechanisms,
  strongest,
} from "./isolation/index.ts";
export { findLauncherPython, launched } from "./launcher.ts";
export { createLocalExecutor } from "./local.ts";
export { availableMemory, processMemory } from "./memory.ts";
export { createProcessRecord, endLeftovers } from "./process-record.ts";
export { bootId, identityOf, isRunning, type ProcessIdentity, processTree } from "./processes.ts";
