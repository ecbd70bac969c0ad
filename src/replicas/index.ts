export { HostConnection } from "./host/connection.ts";
export { loadIntoHost } from "./host/replica.ts";
