import { createServer } from "node:net";
import type { ContainerSpec } from "../../core/container.ts";

/** The ports of a program on the machine's own network: free ones in the place of those in its spec. */
export interface AssignedPorts {
  /** The port that stands for a number of the spec; a number that is no port of the spec stands for itself. */
  portOf(number: number): number;
  /** The text with each of the spec's ports replaced, where it stands as a whole number. */
  replace(text: string): string;
  /** PORT for the first port, and NAME_PORT for each that has a name. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Nothing is replaced. */
export const OWN_PORTS: AssignedPorts = { portOf: (number) => number, replace: (text) => text, environment: {} };

/** Ports that were free on loopback just now. */
export async function assignPorts({ ports }: Pick<ContainerSpec, "ports">): Promise<AssignedPorts> {
  const free = await freePorts(new Set(ports.map(({ number }) => number)).size);
  return assignedPorts(ports, free);
}

/** `free`: at least one for each of the different ports. */
export function assignedPorts(ports: ContainerSpec["ports"], free: readonly number[]): AssignedPorts {
  const numbers = [...new Set(ports.map(({ number }) => number))];
  const assigned = new Map(numbers.map((number, index) => [number, free[index] as number]));
  const portOf = (number: number): number => assigned.get(number) ?? number;
  // Not a part of a word or of another number: neither iris-8080 nor 1.8080.
  const pattern = new RegExp(`(?<![\\w.]|\\w-)(?:${numbers.join("|")})(?!\\w|\\.\\d)`, "g");
  const environment: Record<string, string> = {};
  for (const { name, number } of ports) {
    environment.PORT ??= String(portOf(number));
    if (name !== undefined) environment[`${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_")}_PORT`] = String(portOf(number));
  }
  return {
    portOf,
    replace: (text) => (numbers.length === 0 ? text : text.replace(pattern, (number) => String(portOf(Number(number))))),
    environment,
  };
}

/** All are held until all are found, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      const server = createServer();
      return new Promise<typeof server>((resolve, reject) => {
        server.once("error", reject);
        server.listen({ port: 0, host: "127.0.0.1" }, () => resolve(server));
      });
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
