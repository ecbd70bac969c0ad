export { type AssignedPorts, assignPorts, OWN_PORTS } from "./assigned-ports.ts";
export { bytesIn } from "./bytes-in.ts";
export { type StartWords, startWords } from "./environment.ts";
export { type ListeningPort, listeningPorts } from "./listening-ports.ts";
export { type LogLimit, limitLog } from "./log-limit.ts";
export { probeServers, type ServerMachine } from "./machine.ts";
export { type ObjectDirectories, type ObjectFile, objectFiles, writeObjectFiles } from "./objects.ts";
export { createServers, type Servers, type ServersOptions } from "./servers.ts";
