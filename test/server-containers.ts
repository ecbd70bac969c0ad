import type { ContainerSpec } from "../src/core/container.ts";
import { containerSpec } from "./container-spec.ts";

/** A program on port 8080 with nothing around it but these. */
export function container(parts: Parameters<typeof containerSpec>[0]): ContainerSpec {
  return containerSpec({ ports: [{ name: undefined, number: 8080 }], ...parts });
}
