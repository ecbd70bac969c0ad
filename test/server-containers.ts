import type { ContainerSpec } from "../src/core/container.ts";

const NOTHING: ContainerSpec = {
  image: undefined,
  imagePullPolicy: "IfNotPresent",
  command: [],
  arguments: [],
  workingDirectory: undefined,
  environment: [],
  ports: [{ name: undefined, number: 8080 }],
  mounts: [],
  resources: { memoryRequest: undefined, memoryLimit: undefined, processorLimit: undefined, diskLimit: undefined, devices: {} },
  startupProbe: undefined,
  readinessProbe: undefined,
  livenessProbe: undefined,
  terminationGraceMs: 30_000,
  network: "private",
  user: undefined,
  group: undefined,
};

type Changes = Partial<Omit<ContainerSpec, "resources">> & { readonly resources?: Partial<ContainerSpec["resources"]> };

/** A program on port 8080 with nothing around it but these. */
export function container({ resources, ...changes }: Changes): ContainerSpec {
  return { ...NOTHING, ...changes, resources: { ...NOTHING.resources, ...resources } };
}
