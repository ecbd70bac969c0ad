import type { ContainerSpec } from "../../src/core/container.ts";
import type { HostSpec } from "../../src/core/executor.ts";
import { containerSpec } from "../container-spec.ts";
import { SMALL_IMAGE } from "./engine.ts";

/** A container of the small image that runs a script of its shell. */
export function shell(script: string, more: Partial<ContainerSpec> = {}): HostSpec {
  return hostOf({ command: ["sh", "-c", script], ...more });
}

export function hostOf(more: Partial<ContainerSpec>): HostSpec {
  const container = containerSpec({ image: SMALL_IMAGE, ...more });
  return { name: "default/small/1", command: "", arguments: [], environment: {}, container };
}

export function limits(more: Partial<ContainerSpec["resources"]>): Pick<ContainerSpec, "resources"> {
  const { resources } = containerSpec({ resources: more });
  return { resources };
}
