import type { Clock } from "../core/clock.ts";
import type { Events } from "../core/events.ts";
import type { ModelSpec } from "../core/model.ts";
import type { Manager, ModelVersion, Registry } from "../models/index.ts";
import type { ArtefactSource } from "./artefact-fetch.ts";
import type { ServerPlanOptions } from "./server-plan.ts";
import type { TritonPlanOptions } from "./triton-plan.ts";

export interface ReconcilerOptions extends ServerPlanOptions, TritonPlanOptions {
  readonly registry: Registry;
  readonly manager: Manager;
  readonly clock: Clock;
  readonly events: Events;
  readonly source: ArtefactSource;
  readonly createModel: (spec: ModelSpec) => ModelVersion;
  /** Where relative URIs begin that say nothing else. Absolute. */
  readonly baseDirectory: string;
  /** The address of a service, without a slash at its end. */
  readonly urlOf: (namespace: string, name: string) => string;
  /** The last model of a service that is gone for good has ended. */
  readonly onGone?: (namespace: string, modelName: string) => void;
  /** Services whose annotations do not say it are loaded again when their files change. */
  readonly watch?: boolean;
}
