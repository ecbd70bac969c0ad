import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { Broadcast } from "../core/broadcast.ts";
import { ServeError } from "../core/errors.ts";
import type { JsonObject } from "../core/inference.ts";
import type { ChangeOptions, Preconditions, ResourceList, ResourceView, ResourceWatchEvent } from "../core/planes.ts";
import type { ObjectMetadata, ResourceKey, ResourceKind } from "../core/resource.ts";
import { KEPT_REVISIONS, type ReadySpec, type ResourceStore, type RevisionRecord } from "../core/resource-store.ts";
import { assertSameMemory, type ValidDocument } from "../resources/index.ts";

/** Where a resource comes from: somebody applied it, nitrous brings it, or the command line named its model. */
export type Origin = "applied" | "built-in" | "command line";

/** `namespace` is that of a document which names none. @throws InvalidResourceError */
type Validate = (document: unknown, namespace: string | undefined) => ValidDocument;

interface Row {
  readonly key: ResourceKey;
  readonly origin: Origin;
  readonly view: ResourceView;
}

/** Old events that a watch can begin at. */
const HISTORY = 4096;
/** Versions of one opening of the state; openings come after each other. */
const VERSIONS_PER_EPOCH = 2 ** 32;

/**
 * All resources in memory, as they are shown. Changes of what was applied are on disk before they are seen here; what nitrous
 * brings or the command line names is shown beside them and never stored.
 */
export class ResourceTable {
  readonly #store: ResourceStore;
  readonly #validate: Validate;
  readonly #rows = new Map<string, Row>();
  /** Built-in resources that an applied one of the same name hides. */
  readonly #hidden = new Map<string, Row>();
  readonly #readySpecs = new Map<string, ReadySpec>();
  readonly #revisions = new Map<string, readonly RevisionRecord[]>();
  /** The last change of each resource under way: the next one begins after it. */
  readonly #changing = new Map<string, Promise<unknown>>();
  readonly #history: Array<{ readonly version: number; readonly event: ResourceWatchEvent }> = [];
  readonly #changes = new Broadcast<ResourceWatchEvent>();
  readonly #onChange: (key: ResourceKey) => void;
  #version: number;
  #oldest: number;

  constructor(store: ResourceStore, validate: Validate, onChange: (key: ResourceKey) => void) {
    this.#store = store;
    this.#validate = validate;
    this.#onChange = onChange;
    this.#version = store.epoch * VERSIONS_PER_EPOCH;
    this.#oldest = this.#version;
    for (const { resource, lastReady, revisions } of store.restored) {
      const { name, namespace } = resource.metadata;
      const key = { kind: resource.kind, namespace, name };
      this.#put({ key, origin: "applied", view: resource });
      if (lastReady !== undefined) this.#readySpecs.set(text(key), lastReady);
      if (revisions !== undefined) this.#revisions.set(text(key), revisions);
    }
  }

  list(kind: ResourceKind, namespace?: string): ResourceList {
    const items = [...this.#rows.values()]
      .filter(({ key }) => key.kind === kind && (namespace === undefined || key.namespace === namespace))
      .map(({ view }) => view)
      .sort((left, right) => compare(placeOf(left), placeOf(right)));
    return { resourceVersion: String(this.#version), items };
  }

  find(key: ResourceKey): ResourceView | undefined {
    return this.#rows.get(text(key))?.view;
  }

  originOf(key: ResourceKey): Origin | undefined {
    return this.#rows.get(text(key))?.origin;
  }

  /** @throws ServeError NOT_FOUND */
  get(key: ResourceKey): ResourceView {
    return this.#row(key).view;
  }

  lastReady(key: ResourceKey): ReadySpec | undefined {
    return this.#readySpecs.get(text(key));
  }

  /** What became of the last revisions, ascending by generation. @throws ServeError NOT_FOUND */
  history(key: ResourceKey): readonly RevisionRecord[] {
    this.#row(key);
    return this.#revisions.get(text(key)) ?? [];
  }

  async create(place: Omit<ResourceKey, "name">, document: unknown, { dryRun = false }: ChangeOptions = {}): Promise<ResourceView> {
    const valid = this.#validate(document, place.namespace);
    const key = { ...place, name: valid.metadata.name };
    assertPlace(key, valid);
    return await this.#serially(key, async () => {
      const present = this.#rows.get(text(key));
      if (present !== undefined && present.origin !== "built-in") throw alreadyExists(present);
      const view: ResourceView = {
        apiVersion: valid.apiVersion,
        kind: valid.kind,
        metadata: {
          ...metadataOf(valid),
          uid: randomUUID(),
          generation: 1,
          resourceVersion: "0",
          creationTimestamp: `${new Date().toISOString().slice(0, 19)}Z`,
        },
        spec: valid.spec,
      };
      return await this.#commit(key, view, dryRun);
    });
  }

  async replace(key: ResourceKey, next: (present: ResourceView) => unknown, { dryRun = false }: ChangeOptions = {}): Promise<ResourceView> {
    return await this.#serially(key, async () => {
      const row = this.#row(key);
      const document = next(row.view);
      const valid = this.#validate(document, key.namespace);
      assertPlace(key, valid);
      if (valid.metadata.name !== key.name) {
        throw new ServeError("INVALID_ARGUMENT", `metadata.name is ${valid.metadata.name}, and the request is for ${key.name}`);
      }
      assertWritable(row);
      const { metadata, spec } = row.view;
      assertVersion(document, metadata);
      if (key.kind === "TrainedModel") assertSameMemory(spec, valid.spec);
      const changed = !isDeepStrictEqual(valid.spec, spec);
      const wanted = metadataOf(valid);
      if (!changed && row.origin === "applied" && sameMetadata(wanted, metadata)) {
        // Nothing to store; whoever applies it again wants what failed to be tried again.
        if (!dryRun) this.#onChange(key);
        return row.view;
      }
      const { uid, generation, creationTimestamp } = metadata;
      const view: ResourceView = {
        ...row.view,
        apiVersion: valid.apiVersion,
        metadata: { ...wanted, uid, creationTimestamp, generation: changed ? generation + 1 : generation, resourceVersion: "0" },
        // The same in another order stays as it was.
        spec: changed ? valid.spec : spec,
      };
      return await this.#commit(key, view, dryRun);
    });
  }

  async delete(
    key: ResourceKey,
    { uid, resourceVersion }: Preconditions = {},
    { dryRun = false }: ChangeOptions = {},
  ): Promise<ResourceView> {
    return await this.#serially(key, async () => {
      const row = this.#row(key);
      assertWritable(row);
      if (row.origin === "built-in") {
        throw new ServeError(
          "PERMISSION_DENIED",
          `${describe(key)} is built in; apply one of the same name with disabled: true to hide it`,
        );
      }
      const { metadata } = row.view;
      if ((uid !== undefined && uid !== metadata.uid) || (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion)) {
        throw new ServeError("ABORTED", `${describe(key)} is not the one that was to be deleted: it has changed, or was made anew`);
      }
      if (dryRun) return row.view;
      await this.#store.commit([{ change: "delete", key }]);
      this.#readySpecs.delete(text(key));
      this.#revisions.delete(text(key));
      this.#remove(key);
      return row.view;
    });
  }

  watch(
    kind: ResourceKind,
    namespace: string | undefined,
    since: string | undefined,
    signal: AbortSignal,
  ): AsyncIterable<ResourceWatchEvent> {
    const wanted = ({ object }: ResourceWatchEvent): boolean =>
      object.kind === kind && (namespace === undefined || object.metadata.namespace === namespace);
    if (since === undefined || since === "" || since === "0") {
      const first = this.list(kind, namespace).items.map((object): ResourceWatchEvent => ({ type: "ADDED", object }));
      return this.#changes.subscribe(signal, wanted, first);
    }
    const from = Number(since);
    if (!(from >= this.#oldest && from <= this.#version)) {
      throw new ServeError("OUT_OF_RANGE", `too old resource version: ${since} (the oldest is ${this.#oldest}); list again`);
    }
    const missed = this.#history.filter(({ version }) => version > from).map(({ event }) => event);
    return this.#changes.subscribe(signal, wanted, missed);
  }

  /** Shows a resource that is not stored. It gives way to an applied one of the same name. */
  show(origin: Exclude<Origin, "applied">, document: ValidDocument): ResourceKey {
    const key: ResourceKey = { kind: document.kind, namespace: document.metadata.namespace, name: document.metadata.name };
    const metadata = {
      ...metadataOf(document),
      uid: randomUUID(),
      generation: 1,
      resourceVersion: "0",
      creationTimestamp: "1970-01-01T00:00:00Z",
    };
    const row: Row = { key, origin, view: { apiVersion: document.apiVersion, kind: document.kind, metadata, spec: document.spec } };
    if (this.#rows.get(text(key))?.origin === "applied") this.#hidden.set(text(key), row);
    else this.#put(row);
    return key;
  }

  /** What was shown and not stored is there no longer. */
  hide(key: ResourceKey): void {
    if (this.originOf(key) === "command line") this.#remove(key);
    else if (this.#hidden.get(text(key))?.origin === "command line") this.#hidden.delete(text(key));
  }

  /** What the server knows of a resource now. Nothing happens when it knew that already. */
  setStatus(key: ResourceKey, status: JsonObject): void {
    const row = this.#rows.get(text(key));
    if (row === undefined || isDeepStrictEqual(row.view.status, status)) return;
    this.#put({ ...row, view: { ...row.view, status } });
  }

  /** The spec has served. It is on disk when this settles. */
  async setReady(key: ResourceKey, uid: string, lastReady: ReadySpec): Promise<void> {
    if (this.originOf(key) !== "applied" || this.#readySpecs.get(text(key))?.generation === lastReady.generation) return;
    await this.#store.commit([{ change: "ready", key, uid, lastReady }]);
    if (this.find(key)?.metadata.uid === uid) this.#readySpecs.set(text(key), lastReady);
  }

  /** Something has become of a revision. It is on disk when this settles; what is read here has it at once. */
  async setRevision(key: ResourceKey, uid: string, record: RevisionRecord): Promise<void> {
    if (this.originOf(key) !== "applied" || this.find(key)?.metadata.uid !== uid) return;
    const others = (this.#revisions.get(text(key)) ?? []).filter(({ generation }) => generation !== record.generation);
    const all = [...others, record].sort((left, right) => left.generation - right.generation);
    this.#revisions.set(text(key), all.slice(-KEPT_REVISIONS));
    await this.#store.commit([{ change: "revision", key, uid, record }]);
  }

  /** Ends all watches. */
  close(): void {
    this.#changes.close();
  }

  async #commit(key: ResourceKey, view: ResourceView, dryRun: boolean): Promise<ResourceView> {
    if (dryRun) return view;
    const { status, ...resource } = view;
    await this.#store.commit([{ change: "put", resource }]);
    const present = this.#rows.get(text(key));
    if (present?.origin === "built-in") this.#hidden.set(text(key), present);
    // The status may have changed while it was stored.
    const { status: latest } = present?.view ?? {};
    const shown = this.#put({ key, origin: "applied", view: { ...resource, ...(latest === undefined ? {} : { status: latest }) } });
    this.#onChange(key);
    return shown;
  }

  #put(row: Row): ResourceView {
    const type = this.#rows.has(text(row.key)) ? "MODIFIED" : "ADDED";
    const metadata = { ...row.view.metadata, resourceVersion: String(++this.#version) };
    const view = { ...row.view, metadata };
    this.#rows.set(text(row.key), { ...row, view });
    this.#publish({ type, object: view });
    return view;
  }

  #remove(key: ResourceKey): void {
    const row = this.#rows.get(text(key));
    if (row === undefined) return;
    this.#rows.delete(text(key));
    const metadata = { ...row.view.metadata, resourceVersion: String(++this.#version) };
    this.#publish({ type: "DELETED", object: { ...row.view, metadata } });
    const hidden = this.#hidden.get(text(key));
    this.#hidden.delete(text(key));
    if (hidden !== undefined) this.#put(hidden);
    this.#onChange(key);
  }

  #publish(event: ResourceWatchEvent): void {
    this.#history.push({ version: this.#version, event });
    if (this.#history.length > HISTORY) this.#oldest = this.#history.shift()?.version ?? this.#oldest;
    this.#changes.publish(event);
  }

  #row(key: ResourceKey): Row {
    const row = this.#rows.get(text(key));
    if (row === undefined) throw new ServeError("NOT_FOUND", `there is no ${describe(key)}`);
    return row;
  }

  async #serially<Result>(key: ResourceKey, change: () => Promise<Result>): Promise<Result> {
    const before = this.#changing.get(text(key)) ?? Promise.resolve();
    const mine = before.catch(() => undefined).then(change);
    this.#changing.set(text(key), mine);
    try {
      return await mine;
    } finally {
      if (this.#changing.get(text(key)) === mine) this.#changing.delete(text(key));
    }
  }
}

/** Kind, namespace and name for a person. */
export function describe({ kind, namespace, name }: ResourceKey): string {
  return namespace === undefined ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
}

function text({ kind, namespace = "", name }: ResourceKey): string {
  return `${kind}/${namespace}/${name}`;
}

function placeOf({ metadata }: ResourceView): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function metadataOf({ metadata }: ValidDocument): Pick<ObjectMetadata, "name" | "namespace" | "labels" | "annotations"> {
  const { name, namespace, labels, annotations } = metadata;
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function sameMetadata(wanted: Pick<ObjectMetadata, "labels" | "annotations">, present: ObjectMetadata): boolean {
  const pick = ({ labels = {}, annotations = {} }: Pick<ObjectMetadata, "labels" | "annotations">): string =>
    JSON.stringify([Object.entries(labels).sort(), Object.entries(annotations).sort()]);
  return pick(wanted) === pick(present);
}

function assertPlace(key: ResourceKey, { kind, metadata }: ValidDocument): void {
  if (kind !== key.kind) throw new ServeError("INVALID_ARGUMENT", `kind is ${kind}, and the address is that of a ${key.kind}`);
  if (metadata.namespace !== key.namespace) {
    const message = `metadata.namespace is ${metadata.namespace}, and the address says ${key.namespace}; make them equal`;
    throw new ServeError("INVALID_ARGUMENT", message);
  }
}

function assertWritable({ key, origin }: Row): void {
  if (origin !== "command line") return;
  throw new ServeError("PERMISSION_DENIED", `${describe(key)} is a model that the server's command line names; it is not changed here`);
}

/** Without a resourceVersion the last one wins, as in Kubernetes. */
function assertVersion(document: unknown, { resourceVersion, uid }: ObjectMetadata): void {
  const given = (document as { metadata?: { resourceVersion?: unknown; uid?: unknown } }).metadata;
  if (given?.resourceVersion !== undefined && given.resourceVersion !== "" && given.resourceVersion !== resourceVersion) {
    const message = "the object has been modified; please apply your changes to the latest version and try again";
    throw new ServeError("ABORTED", message);
  }
  if (given?.uid !== undefined && given.uid !== "" && given.uid !== uid) {
    throw new ServeError("ABORTED", `its uid is ${uid}, not ${given.uid}: it was deleted and made anew`);
  }
}

function alreadyExists({ key, origin }: Row): ServeError {
  const why = origin === "command line" ? "; the server's command line names a model with this name: rename one of them" : "";
  return new ServeError("ALREADY_EXISTS", `${describe(key)} already exists${why}`);
}
