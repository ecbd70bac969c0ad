export { cgroupMemory } from "./cgroup.ts";
export { type Containers, chooseEngine, createContainers, type FoundEngine, findEngines } from "./containers/index.ts";
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
export { createLocalExecutor, type ServerStarter } from "./local.ts";
export { availableMemory, processMemory } from "./memory.ts";
export { createProcessRecord, endLeftovers } from "./process-record.ts";
export { bootId, identityOf, isRunning, type ProcessIdentity, processTree } from "./processes.ts";
export { createServers, type ObjectDirectories, probeServers, type ServerMachine } from "./servers/index.ts";
