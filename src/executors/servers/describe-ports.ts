import type { ContainerSpec } from "../../core/container.ts";
import type { AssignedPorts } from "./assigned-ports.ts";

/** Why a port does not answer, in words: most often the program listens on another one. */
export function describePorts(
  port: number,
  listening: readonly number[],
  { ports }: Pick<ContainerSpec, "ports">,
  assigned: AssignedPorts,
): string {
  const own = new Set(ports.map(({ number }) => assigned.portOf(number)));
  const others = listening.filter((number) => !own.has(number));
  const given = assigned.portOf(port) === port ? `${port}` : `${port}, for which it was given ${assigned.portOf(port)}`;
  if (others.length > 0) return `it listens on ${others.join(" and ")}, and its spec says ${given}`;
  if (listening.length > 0) return `it listens on ${listening.join(" and ")}, and not on ${given}`;
  return assigned.portOf(port) === port ? "it listens on no port yet" : `it listens on no port yet, and its spec says ${given}`;
}
