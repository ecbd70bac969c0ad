import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ServeError } from "../core/errors.ts";
import { openStore, type Store, type StoreOptions } from "./store.ts";

export interface OpenedState {
  /** Its `close` also removes a temporary directory. */
  readonly store: Store;
  /** Why the state is forgotten when the server ends; undefined when it is not. */
  readonly notice: string | undefined;
}

/**
 * Opens the state in a directory; when another server has that open, in a temporary one.
 * @throws ServeError as openStore, but not ABORTED
 */
export async function openStoreOrTemporary(directory: string, options: StoreOptions): Promise<OpenedState> {
  try {
    return { store: await openStore(directory, options), notice: undefined };
  } catch (error) {
    if (!(error instanceof ServeError) || error.code !== "ABORTED") throw error;
    const temporary = await mkdtemp(join(tmpdir(), "nitrous-state-"));
    const store = await openStore(temporary, options);
    const close = async (): Promise<void> => {
      await store.close();
      await rm(temporary, { recursive: true, force: true });
    };
    return { store: { ...store, close }, notice: `${error.message}. As it is, what is applied to this one is forgotten when it ends` };
  }
}
