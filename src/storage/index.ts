export type { ArchiveLimits } from "./archive/limits.ts";
export type { Fetched } from "./fetched.ts";
export { whyUnsupported } from "./location.ts";
export { createStorage, type FetchRequest, type Storage, type StorageOptions } from "./storage.ts";
