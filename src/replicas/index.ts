export { HostConnection } from "./host/connection.ts";
export { exitOf } from "./host/exit.ts";
export { loadIntoHost } from "./host/replica.ts";
