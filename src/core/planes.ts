import type { RequestContext } from "./context.ts";
import type { InferRequest, InferResponse, JsonObject, RawCall, Target } from "./inference.ts";
import type { ModelStatus, Rejection } from "./model.ts";
import type { ModelRepository } from "./repository.ts";
import type { Resource, ResourceKey, ResourceKind, ServiceEvent } from "./resource.ts";
import type { RevisionRecord } from "./resource-store.ts";
import type { Signature } from "./signature.ts";

/** The door for requests. Every protocol calls this one and nothing else. */
export interface DataPlane {
  /**
   * Before the body is read: is there such a model, may this client ask it now, can it serve, is there room for `declaredBytes` more, and time? The model's own
   * time-out counts from here on.
   * @throws ServeError NOT_FOUND, UNAVAILABLE or RESOURCE_EXHAUSTED
   */
  admit(target: Target, declaredBytes: number, context: RequestContext): void;
  infer(request: InferRequest): Promise<InferResponse>;
  /** Whether the target's own server understands bodies of a protocol as they are, so that nobody else reads them. @throws ServeError NOT_FOUND */
  passes(target: Target, protocol: RawCall["protocol"], context: RequestContext): boolean;
  /**
   * What the method of the target takes, for those who bind payloads before they call `infer`. A model that stands by is loaded first.
   * @throws ServeError as `infer` does
   */
  signature(target: Target, context: RequestContext): Promise<Signature>;
}

/** The door for questions about models. */
export interface ControlPlane {
  /** Every version of every model. */
  list(): readonly ModelStatus[];
  /** Names of a namespace's models, or of one service's, those that cannot answer yet too. */
  names(namespace: string, service?: string): readonly string[];
  /** The version that the target means; its latest when it names none. @throws ServeError NOT_FOUND */
  get(target: Target): ModelStatus;
  /** The same, with `answers` false and the reason when the model's own code says that it is not ready. @throws ServeError NOT_FOUND */
  readiness(target: Target): Promise<ModelStatus>;
  /** The same, of a model that has told its signature: one that stands by is loaded first. @throws ServeError */
  describe(target: Target, context: RequestContext): Promise<ModelStatus>;
  /** Settles when the version that the target means answers: one that stands by is loaded now. @throws ServeError as a request would hear it */
  load(target: Target, context: RequestContext): Promise<ModelStatus>;
  /**
   * A loaded version goes, and stands by for its next request. Settles when what it held is free.
   * @throws ServeError NOT_FOUND, FAILED_PRECONDITION for one that is pinned, ABORTED for one that serves a request
   */
  evict(target: Target): Promise<ModelStatus>;
  /**
   * Gives the version that the target means so many replicas, whatever its bounds say, or as many as its load needs within them ("auto").
   * Settles when they answer, or when it is known why not all of them do (`replicas.obstacle`). 0 evicts it.
   * @throws ServeError NOT_FOUND, INVALID_ARGUMENT for another number, and as `evict` does for 0
   */
  scale(target: Target, replicas: number | "auto"): Promise<ModelStatus>;
  /**
   * New requests are refused from now on, until `load`; a target without a version means all. Settles when those under way have been
   * answered and what the model held is free.
   * @throws ServeError NOT_FOUND
   */
  drain(target: Target): Promise<ModelStatus>;
  readonly repository: ModelRepository;
  /** Versions of one model, ascending. @throws ServeError NOT_FOUND */
  versions(target: Target): readonly ModelStatus[];
  /** An environment variable that the model's resource sets, else the server's own of that name. @throws ServeError NOT_FOUND */
  variable(target: Target, name: string): string | undefined;
  /** Files and folders that were found and are not served. */
  rejections(): readonly Rejection[];
  /** True when every model has been tried and at least one answers. */
  ready(): boolean;
  readonly resources: Resources;
  readonly activity: Activity;
}

/** A resource as it is shown: with what the server knows of it. */
export interface ResourceView extends Resource {
  readonly status?: JsonObject;
}

export interface ResourceList {
  readonly resourceVersion: string;
  readonly items: readonly ResourceView[];
}

export interface ResourceWatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: ResourceView;
}

export interface ChangeOptions {
  /** Checks everything and changes nothing. */
  readonly dryRun?: boolean;
}

/** What must still be true of a resource for it to be deleted. */
export interface Preconditions {
  readonly uid?: string;
  readonly resourceVersion?: string;
}

/** Desired state. What a call has answered is on disk. */
export interface Resources {
  list(kind: ResourceKind, namespace?: string): ResourceList;
  /** @throws ServeError NOT_FOUND */
  get(key: ResourceKey): ResourceView;
  /** What became of the last revisions of an InferenceService, ascending by generation. @throws ServeError NOT_FOUND */
  history(key: ResourceKey): readonly RevisionRecord[];
  /** @throws InvalidResourceError, ServeError ALREADY_EXISTS */
  create(place: Omit<ResourceKey, "name">, document: unknown, options?: ChangeOptions): Promise<ResourceView>;
  /**
   * Makes the resource what `next` makes of the present one.
   * @throws InvalidResourceError; ServeError NOT_FOUND, or ABORTED when its resourceVersion is no longer the one in the new document
   */
  replace(key: ResourceKey, next: (present: ResourceView) => unknown, options?: ChangeOptions): Promise<ResourceView>;
  /** @throws ServeError NOT_FOUND, or ABORTED when a precondition does not hold */
  delete(key: ResourceKey, preconditions?: Preconditions, options?: ChangeOptions): Promise<ResourceView>;
  /**
   * Changes after `since`; without it, first everything that there is. Ends with the signal or the server.
   * @throws ServeError OUT_OF_RANGE when `since` is too long ago
   */
  watch(
    kind: ResourceKind,
    namespace: string | undefined,
    since: string | undefined,
    signal: AbortSignal,
  ): AsyncIterable<ResourceWatchEvent>;
}

/** What happened to services, for people. */
export interface Activity {
  /** The latest, oldest first. */
  events(namespace?: string): readonly ServiceEvent[];
  /** From now on. */
  watchEvents(namespace: string | undefined, signal: AbortSignal): AsyncIterable<ServiceEvent>;
  /** The last lines that the hosts of a model printed. @throws ServeError NOT_FOUND */
  logs(namespace: string, name: string): readonly string[];
  /** Lines from now on. */
  followLogs(namespace: string, name: string, signal: AbortSignal): AsyncIterable<string>;
}
