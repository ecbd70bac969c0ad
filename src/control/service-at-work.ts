import { ServeError } from "../core/errors.ts";
import type { ModelSpec } from "../core/model.ts";
import type { ResourceView } from "../core/planes.ts";
import type { InferenceService, ResourceKey } from "../core/resource.ts";
import type { RuntimeChoice } from "../resources/index.ts";
import type { Rollout } from "./rollout.ts";
import type { ServiceMemory } from "./service-memory.ts";
import type { ServiceRevision } from "./service-revision.ts";
import type { ServiceStory } from "./service-story.ts";
import { revisionName } from "./wish.ts";

/** One InferenceService at work, or a TrainedModel in the form of one. */
export interface ServiceAtWork {
  readonly key: ResourceKey & { readonly namespace: string };
  readonly uid: string;
  readonly modelName: string;
  readonly rollout: Rollout<ServiceRevision>;
  readonly story: ServiceStory;
  readonly memory: ServiceMemory;
  service: InferenceService;
  generation: number;
  choice: RuntimeChoice | undefined;
  /** What was wanted last: the same again changes nothing. */
  wanted: string;
  /** Of a TrainedModel: whose server has it. */
  parent: ResourceKey | undefined;
  /** How often its files have changed. */
  reloads: number;
  dirty: boolean;
  modelsChanged: boolean;
}

/** What was found in a folder, or why nothing of it can be served, under a resource that nobody wrote. */
export function foundRevision(
  { spec }: ResourceView,
  { modelName, reloads }: Pick<ServiceAtWork, "modelName" | "reloads">,
  found: readonly ModelSpec[] | ServeError,
): ServiceRevision {
  const plan = () => (found instanceof ServeError ? Promise.reject(found) : Promise.resolve(found));
  const name = revisionName(modelName, 1);
  const key = `found ${reloads} times`;
  return { name, generation: 1, key, tags: [], minReplicas: 1, choice: undefined, spec, annotations: {}, template: "", plan };
}
