import type { Resource, ResourceKey } from "../src/core/resource.ts";
import { KEPT_REVISIONS, type ResourceChange, type ResourceStore, type StoredResource } from "../src/core/resource-store.ts";

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
        const before = this.contents.get(text(change.resource));
        const same = before?.resource.metadata.uid === change.resource.metadata.uid ? before : undefined;
        this.contents.set(text(change.resource), { ...same, resource: change.resource });
      } else if (change.change === "delete") this.contents.delete(keyText(change.key));
      else {
        const stored = this.contents.get(keyText(change.key));
        if (stored?.resource.metadata.uid !== change.uid) continue;
        if (change.change === "ready") this.contents.set(keyText(change.key), { ...stored, lastReady: change.lastReady });
        else {
          const others = (stored.revisions ?? []).filter(({ generation }) => generation !== change.record.generation);
          const revisions = [...others, change.record].sort((left, right) => left.generation - right.generation);
          this.contents.set(keyText(change.key), { ...stored, revisions: revisions.slice(-KEPT_REVISIONS) });
        }
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
