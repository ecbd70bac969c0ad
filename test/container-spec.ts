import type { ContainerSpec } from "../src/core/container.ts";
import type { UpstreamSpec } from "../src/core/upstream.ts";

const NONE = { memoryRequest: undefined, memoryLimit: undefined, processorLimit: undefined, diskLimit: undefined, devices: {} };

type Parts = Partial<Omit<ContainerSpec, "resources">> & { readonly resources?: Partial<ContainerSpec["resources"]> };

/** A process that nothing is said of but these. */
export function containerSpec({ resources, ...parts }: Parts = {}): ContainerSpec {
  return {
    image: undefined,
    imagePullPolicy: "IfNotPresent",
    command: [],
    arguments: [],
    workingDirectory: undefined,
    environment: [],
    ports: [],
    mounts: [],
    resources: { ...NONE, ...resources },
    startupProbe: undefined,
    readinessProbe: undefined,
    livenessProbe: undefined,
    terminationGraceMs: 30_000,
    network: "private",
    user: undefined,
    group: undefined,
    ...parts,
  };
}

/** A model called iris that such a container serves over V1. */
export function upstreamSpec(container: ContainerSpec, parts: Partial<UpstreamSpec> = {}): UpstreamSpec {
  return {
    runtime: "mine",
    place: { kind: "container", container },
    protocols: [{ protocol: "v1", port: 8080 }],
    modelName: "iris",
    concurrency: 32,
    batchable: false,
    shared: false,
    metrics: undefined,
    ...parts,
  };
}
