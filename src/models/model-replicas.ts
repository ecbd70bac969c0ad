import type { ReplicaCounts, ScalingSpec } from "../core/scaling.ts";

/** The host of a replica, or the replica's part of one. */
export interface ReplicaHost {
  readonly pid: number;
  /** Resident bytes. */
  bytes: number;
  /** Bytes on each device that it is on, as the driver tells; 0 when it tells nothing. */
  deviceBytes: number;
  /** Such as "device 0 (NVIDIA H200)"; empty when it runs on the processor. */
  readonly devices: readonly string[];
  /** It is given requests. */
  serves: boolean;
  /** As its replica does. */
  readonly checkReadiness?: (() => Promise<string | undefined>) | undefined;
}

const ONE = { least: 1, most: 1 };

/** How many replicas a model version has, should have, and may have. */
export class ModelReplicas {
  #bounds: Pick<ScalingSpec, "least" | "most"> = ONE;
  /** The one that has been there for longest first. */
  readonly hosts = new Set<ReplicaHost>();
  /** What the load needs, or somebody has said; 0 when the model is not loaded. */
  wanted = 0;
  /** What somebody has said. */
  fixed: number | undefined;
  /** Why there are fewer than wanted. */
  obstacle: string | undefined;

  /** Those that do not answer yet, and those that go. Set when the model begins to load. */
  others: () => { readonly starting: number; readonly leaving: number } = () => ({ starting: 0, leaving: 0 });

  constructor(bounds: Pick<ScalingSpec, "least" | "most"> | undefined) {
    this.bounds = bounds;
  }

  /** Undefined for one. */
  set bounds(bounds: Pick<ScalingSpec, "least" | "most"> | undefined) {
    this.#bounds = bounds ?? ONE;
  }

  /** Those that there are in any case while the model is loaded; the others go first when room is needed. */
  get kept(): number {
    return Math.max(1, this.#bounds.least);
  }

  get most(): number {
    return Math.max(this.kept, this.#bounds.most);
  }

  get serving(): readonly ReplicaHost[] {
    return [...this.hosts].filter(({ serves }) => serves);
  }

  /** Of all hosts. */
  get bytes(): number {
    let sum = 0;
    for (const { bytes } of this.hosts) sum += bytes;
    return sum;
  }

  /** Those that its hosts are on. */
  get devices(): readonly string[] {
    return [...new Set([...this.hosts].flatMap(({ devices }) => devices))].sort();
  }

  get counts(): ReplicaCounts {
    const { wanted, fixed, obstacle, most } = this;
    const { least } = this.#bounds;
    return { ready: this.serving.length, ...this.others(), wanted, least, most, auto: fixed === undefined, obstacle };
  }
}
