import type { ResourceKind } from "../../core/resource.ts";

export const GROUP = "serving.kserve.io";

/** One resource type as clients address it. */
export interface ServedKind {
  readonly kind: ResourceKind;
  readonly version: "v1alpha1" | "v1beta1";
  readonly plural: string;
  readonly singular: string;
  readonly shortNames?: readonly string[];
  readonly namespaced: boolean;
}

/** Names as in KServe's CustomResourceDefinitions. */
export const SERVED_KINDS: readonly ServedKind[] = [
  {
    kind: "InferenceService",
    version: "v1beta1",
    plural: "inferenceservices",
    singular: "inferenceservice",
    shortNames: ["isvc"],
    namespaced: true,
  },
  { kind: "ServingRuntime", version: "v1alpha1", plural: "servingruntimes", singular: "servingruntime", namespaced: true },
  {
    kind: "ClusterServingRuntime",
    version: "v1alpha1",
    plural: "clusterservingruntimes",
    singular: "clusterservingruntime",
    namespaced: false,
  },
  {
    kind: "TrainedModel",
    version: "v1alpha1",
    plural: "trainedmodels",
    singular: "trainedmodel",
    shortNames: ["tm"],
    namespaced: true,
  },
];

/** The preferred one first. */
export const VERSIONS = ["v1beta1", "v1alpha1"] as const;

export function apiVersionOf({ version }: ServedKind): string {
  return `${GROUP}/${version}`;
}

export function servedKind(kind: ResourceKind): ServedKind {
  return SERVED_KINDS.find((served) => served.kind === kind) as ServedKind;
}
