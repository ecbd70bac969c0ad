import type { RecentFigures } from "./statistics.ts";

/** One version of a model, or a service that has none yet, as somebody sees it who watches the server. */
export interface TopModel extends RecentFigures {
  readonly namespace: string;
  readonly model: string;
  /** Of its service, where there are several or they have names. */
  readonly revision?: string | undefined;
  /** Percent of the requests that its revision gets. */
  readonly traffic: number;
  /** Empty when the service has no version yet. */
  readonly version: string;
  /** A model's state; "pending" and "stopped" are services that have no model. */
  readonly state: string;
  /** What is going on, or why it does not answer; empty when there is nothing to say. */
  readonly reason: string;
  readonly replicas: { readonly ready: number; readonly wanted: number };
  /** Requests that wait for a replica. */
  readonly queued: number;
  readonly memoryBytes: number;
}

/** One budget: what may be used, and what is reserved of it. Bytes, or a number of models. */
export interface TopAccount {
  /** "memory", "models", "namespace NAME" or a device. */
  readonly name: string;
  readonly reserved: number;
  readonly budget: number;
}

/** The server's own process, over the last two seconds. */
export interface ServerLoad {
  /** Processor seconds a second: 1 is one core. */
  readonly cores: number;
  /** 99th percentile of the event loop's delay. */
  readonly eventLoopLagMs: number;
  /** Resident, without the hosts of models. */
  readonly memoryBytes: number;
}

/** What `GET /nitrous/top` answers with. */
export interface TopSnapshot {
  /** RFC 3339. */
  readonly time: string;
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly server: ServerLoad;
  readonly requests: { readonly inFlight: number; readonly perSecond: number; readonly failuresPerSecond: number };
  readonly accounts: readonly TopAccount[];
  readonly models: readonly TopModel[];
}
