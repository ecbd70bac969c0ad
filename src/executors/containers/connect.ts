import { connect, type Socket } from "node:net";
import { ServeError } from "../../core/errors.ts";

export interface ListeningPort {
  readonly address: string;
  readonly port: number;
}

/** @throws ServeError UNAVAILABLE with the ports that the program does listen on; nothing where that cannot be seen */
export function requireListener(name: string, port: number, listening: readonly ListeningPort[]): void {
  if (listening.length === 0) return;
  const there = listening.filter((each) => each.port === port);
  if (there.some(({ address }) => !isLoopback(address))) return;
  if (there.length > 0) {
    throw new ServeError(
      "UNAVAILABLE",
      `the container of ${name} listens on port ${port} of ${there[0]?.address} alone, where nobody outside reaches it: let it listen on 0.0.0.0`,
    );
  }
  const others = [...new Set(listening.map((each) => each.port))].join(", ");
  throw new ServeError("UNAVAILABLE", `the container of ${name} listens on ${others}, and its spec says ${port}`);
}

function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}

/** A connection to `at` of this machine, which is `port` of the container. @throws ServeError UNAVAILABLE */
export async function openConnection(name: string, port: number, at: number): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port: at, noDelay: true });
  return await new Promise((resolve, reject) => {
    const onError = (error: Error): void => {
      reject(
        new ServeError("UNAVAILABLE", `nobody listens on port ${port} of the container of ${name}: ${error.message}`, { cause: error }),
      );
    };
    socket.once("error", onError);
    socket.once("connect", () => {
      socket.off("error", onError);
      resolve(socket);
    });
  });
}
