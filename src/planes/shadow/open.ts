import type { DataPlane, Resources } from "../../core/planes.ts";
import type { ServiceEvent } from "../../core/resource.ts";
import type { ShadowReport } from "../../core/shadow.ts";
import { followShadows } from "./follow.ts";
import { Shadows, type ShadowsOptions } from "./shadows.ts";

export interface OpenShadowsOptions extends Omit<ShadowsOptions, "onDifference"> {
  readonly resources: Pick<Resources, "watch">;
  readonly happenings: { record(about: ServiceEvent["about"], type: ServiceEvent["type"], reason: string, message: string): void };
}

export interface OpenShadows {
  /** The plane whose requests have shadows. */
  readonly plane: DataPlane;
  reports(): readonly ShadowReport[];
  /** Annotations are no longer followed. */
  close(): void;
}

/** Copies requests as the annotations of services say, and tells services what differs. */
export function openShadows({ resources, happenings, ...options }: OpenShadowsOptions): OpenShadows {
  const shadows = new Shadows({
    ...options,
    onDifference: (service, message) => happenings.record({ kind: "InferenceService", ...service }, "Warning", "ShadowDiffers", message),
  });
  const ending = new AbortController();
  void followShadows(resources, shadows, ending.signal);
  return { plane: shadows.plane, reports: () => shadows.reports(), close: () => ending.abort() };
}
