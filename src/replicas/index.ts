export { HostConnection } from "./host/connection.ts";
export { exitOf } from "./host/exit.ts";
export { loadIntoHost } from "./host/replica.ts";
export { CrashMarkers } from "./inline/crash-markers.ts";
export { InlineRuns } from "./inline/open.ts";
export { type ProgramModel, ProgramReplica } from "./program/replica.ts";
export { endpointElsewhere, reachProbe } from "./upstream/elsewhere.ts";
export { openUpstream } from "./upstream/open.ts";
export { RunningServer } from "./upstream/running-server.ts";
