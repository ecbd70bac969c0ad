import { DEFAULT_NAMESPACE } from "../../core/model.ts";
import type { Resources } from "../../core/planes.ts";
import { nameColumn } from "./columns.ts";
import type { PresentedKind } from "./presenter.ts";
import type { KubeObject } from "./table.ts";

/** Kubernetes' core/v1 Namespace. */
export interface Namespace extends KubeObject {
  readonly spec: Record<string, never>;
  readonly status: { readonly phase: "Active" };
}

export const NAMESPACES: PresentedKind<Namespace> = {
  apiVersion: "v1",
  kind: "Namespace",
  columns: [
    nameColumn(),
    {
      name: "Status",
      type: "string",
      description: "Always Active: a namespace exists while it is used",
      cell: ({ status }) => status.phase,
    },
  ],
};

/** The namespaces that resources are in, and the default one, by name. */
export function namespacesIn(resources: Resources): Namespace[] {
  const names = new Set([DEFAULT_NAMESPACE]);
  for (const kind of ["InferenceService", "ServingRuntime"] as const) {
    for (const { metadata } of resources.list(kind).items) if (metadata.namespace !== undefined) names.add(metadata.namespace);
  }
  return [...names].sort().map((name) => ({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name, labels: { "kubernetes.io/metadata.name": name } },
    spec: {},
    status: { phase: "Active" },
  }));
}
