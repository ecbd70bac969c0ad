import type { Resource, ResourceKey } from "../src/core/resource.ts";
import type { ResourceChange, ResourceStore, StoredResource } from "../src/core/resource-store.ts";

/** A store without a disk, for tests of what is above it. Its `contents` can be handed to another one, as after a restart. */
export class MemoryStore implements ResourceStore {
  readonly restored: readonly StoredResource[];
  readonly epoch: number;
  readonly contents = new Map<string, StoredResource>();
  /** What the next commit fails with. */
  failure: Error | undefined;

  constructor(restored: readonly StoredResource[] = [], epoch = 1) {
    this.restored = restored;
    this.epoch = epoch;
    for (const stored of restored) this.contents.set(text(stored.resource), stored);
  }

  async commit(changes: readonly ResourceChange[]): Promise<void> {
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
    for (const change of changes) {
      if (change.change === "put") {
        const { lastReady } = this.contents.get(text(change.resource)) ?? {};
        this.contents.set(text(change.resource), { resource: change.resource, ...(lastReady === undefined ? {} : { lastReady }) });
      } else if (change.change === "delete") this.contents.delete(keyText(change.key));
      else {
        const stored = this.contents.get(keyText(change.key));
        if (stored?.resource.metadata.uid === change.uid)
          this.contents.set(keyText(change.key), { ...stored, lastReady: change.lastReady });
      }
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function text({ kind, metadata }: Resource): string {
  return keyText({ kind, namespace: metadata.namespace, name: metadata.name });
}

function keyText({ kind, namespace = "", name }: ResourceKey): string {
  return `${kind}/${namespace}/${name}`;
}
