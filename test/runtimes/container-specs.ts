import type { ContainerSpec } from "../../src/core/container.ts";
import type { HostSpec } from "../../src/core/executor.ts";
import { SMALL_IMAGE } from "./engine.ts";

/** A container of the small image that runs a script of its shell. */
export function shell(script: string, more: Partial<ContainerSpec> = {}): HostSpec {
  return hostOf({ command: ["sh", "-c", script], ...more });
}

export function hostOf(more: Partial<ContainerSpec>): HostSpec {
  const container: ContainerSpec = {
    image: SMALL_IMAGE,
    imagePullPolicy: "IfNotPresent",
    command: [],
    arguments: [],
    workingDirectory: undefined,
    environment: [],
    ports: [],
    mounts: [],
    resources: { memoryRequest: undefined, memoryLimit: undefined, processorLimit: undefined, diskLimit: undefined, devices: {} },
    startupProbe: undefined,
    readinessProbe: undefined,
    livenessProbe: undefined,
    terminationGraceMs: 30_000,
    network: "private",
    user: undefined,
    group: undefined,
    ...more,
  };
  return { name: "default/small/1", command: "", arguments: [], environment: {}, container };
}

export function limits(more: Partial<ContainerSpec["resources"]>): Pick<ContainerSpec, "resources"> {
  const none = { memoryRequest: undefined, memoryLimit: undefined, processorLimit: undefined, diskLimit: undefined, devices: {} };
  return { resources: { ...none, ...more } };
}
