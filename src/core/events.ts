import type { BatchRecord } from "./batch.ts";
import type { RequestRecord } from "./context.ts";
import type { Refusal } from "./errors.ts";
import type { ModelStatus } from "./model.ts";
import type { ModelMetricChange } from "./model-metrics.ts";
import type { ServiceEvent } from "./resource.ts";

/** Load as the long window sees it, or the short one; somebody; or the need of other models for room. */
export type ScaleCause = "stable" | "panic" | "manual" | "room";

/**
 * Why a model is loaded: its service begins or changes; a request asks for it; somebody wants it before that; it gets one more replica; or
 * its host has ended.
 */
export const LOAD_CAUSES = ["start", "request", "prefetch", "replica", "restart"] as const;
export type LoadCause = (typeof LOAD_CAUSES)[number];

/**
 * Why a loaded model goes: another one needs its room; hosts use more than there is; nobody asked for it; somebody wants that; or its
 * revision has been replaced, or its service deleted or stopped.
 */
export const EVICTION_CAUSES = ["room", "outgrown", "idle", "request", "removed"] as const;
export type EvictionCause = (typeof EVICTION_CAUSES)[number];

/** Everything that is announced inside the server; subscribers make logs, metrics and progress of it. */
export interface EventMap {
  "request-started": RequestRecord;
  "request-finished": RequestRecord;
  /** Answered with this status before it was a request of any route: it has no record. */
  "http-refused": { readonly status: number; readonly refusal: Refusal | undefined };
  "model-state-changed": ModelStatus;
  /** One line that a host process printed. */
  "host-log": { readonly host: string; readonly line: string };
  /** A model's own code counts something; `owner` stands for its process. */
  "model-metric": { readonly owner: object; readonly change: ModelMetricChange };
  /** The process is gone, and what only it counted with it. */
  "model-metrics-ended": { readonly owner: object };
  /** Something that a person should hear of. */
  "service-event": ServiceEvent;
  /** A watched file of resources that has changed and cannot be applied. */
  "resource-rejected": { readonly place: string; readonly reason: string };
  /** Something about keys, certificates, traces or recordings that whoever runs the server has to see to, or should know. */
  "access-notice": { readonly text: string; readonly problem: boolean };
  /** A model is answered in the server's own process from now on, or no longer. */
  "inline-changed": {
    readonly namespace: string;
    readonly model: string;
    readonly version: string;
    readonly inline: boolean;
    readonly reason: string;
  };
  /** A model answers from now on; `loadMs` is from the preparation of its environment to its first answer. */
  "model-loaded": {
    readonly namespace: string;
    readonly model: string;
    readonly version: string;
    readonly loadMs: number;
    readonly cause: LoadCause;
    /** What its host uses, or its part of one. */
    readonly bytes: number;
    /** What was reserved for that before the load. */
    readonly reservedBytes: number;
  };
  /** A loaded model goes, and stands by for its next request, unless it was removed. */
  "model-evicted": {
    readonly namespace: string;
    readonly model: string;
    readonly version: string;
    readonly cause: EvictionCause;
    readonly reason: string;
  };
  /** A model should have more replicas from now on, or fewer; `reason` goes on after the numbers. */
  "model-scaled": {
    readonly namespace: string;
    readonly model: string;
    readonly version: string;
    readonly from: number;
    readonly to: number;
    readonly cause: ScaleCause;
    readonly reason: string;
  };
  /** A replica could not be had; the others go on, and it is tried again. */
  "replica-failed": { readonly namespace: string; readonly model: string; readonly version: string; readonly reason: string };
  /** A host uses much more than was reserved for it: it is exchanged, or its model is refused from now on. */
  "model-outgrown": {
    readonly namespace: string;
    readonly model: string;
    readonly version: string;
    readonly action: "restart" | "refuse";
    readonly reason: string;
  };
  "environment-progress": { readonly environment: string; readonly line: string };
  /** A model has answered a call. */
  "batch-finished": { readonly namespace: string; readonly model: string; readonly version: string; readonly batch: BatchRecord };
}

export type EventName = keyof EventMap;

export interface Events {
  emit<Name extends EventName>(name: Name, event: EventMap[Name]): void;
  /** Returns the function that ends the subscription. */
  on<Name extends EventName>(name: Name, listener: (event: EventMap[Name]) => void): () => void;
}

export function createEvents(): Events {
  const listeners: { [Name in EventName]: Array<(event: EventMap[Name]) => void> } = {
    "request-started": [],
    "request-finished": [],
    "http-refused": [],
    "model-state-changed": [],
    "host-log": [],
    "model-metric": [],
    "model-metrics-ended": [],
    "service-event": [],
    "resource-rejected": [],
    "access-notice": [],
    "inline-changed": [],
    "model-loaded": [],
    "model-evicted": [],
    "model-scaled": [],
    "replica-failed": [],
    "model-outgrown": [],
    "environment-progress": [],
    "batch-finished": [],
  };
  return {
    emit(name, event) {
      for (const listener of listeners[name]) listener(event);
    },
    on(name, listener) {
      const list = listeners[name];
      list.push(listener);
      return () => {
        const index = list.indexOf(listener);
        if (index >= 0) list.splice(index, 1);
      };
    },
  };
}
