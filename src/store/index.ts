export { type OpenedState, openStoreOrTemporary } from "./open-or-temporary.ts";
export { openStore, type StoreOptions } from "./store.ts";
