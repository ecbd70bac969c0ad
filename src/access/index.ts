export type { Guard } from "./guard.ts";
export { KeyFolder, keyFolderOf } from "./key-folder.ts";
export { isLoopback } from "./loopback.ts";
export { type AccessControl, openAccess } from "./open-access.ts";
export { followTls, readTls, type TlsFiles } from "./tls.ts";
export { watchDisk } from "./watch.ts";
