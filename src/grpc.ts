import type { SecureContextOptions } from "node:tls";
import { createOipMethods, type OipMethodsOptions } from "./protocols/oip/grpc/index.ts";
import { createGrpcServer, type GrpcServer, type GrpcServerOptions, type HttpServerOptions, PortInUse } from "./server/index.ts";
import type { Settings } from "./settings.ts";
import { VERSION } from "./version.ts";

/** The port for gRPC, or its absence: what is done to it then does nothing. */
export interface Grpc {
  /** Undefined when there is none. */
  readonly port: number | undefined;
  /** What whoever started the server should know. */
  readonly notices: readonly string[];
  setCertificate(options: SecureContextOptions): void;
  endStreams(): void;
  close(): Promise<void>;
  destroy(): void;
}

const DEFAULT_PORT = 8081;

/**
 * Serves gRPC beside HTTP, to the same clients under the same limits. A port that nobody has asked for may be taken: it is said, and
 * HTTP is served alone.
 * @throws Error when the port that was asked for is taken
 */
export async function openGrpc(
  settings: Pick<Settings, "host" | "http-port" | "grpc-port" | "server-name">,
  { tls, clock, events, maxBodyBytes, requestTimeoutMs, limits, memory, onFault, onExchange }: Omit<HttpServerOptions, "guard">,
  guard: GrpcServerOptions["guard"],
  protocol: Omit<OipMethodsOptions, "serverName" | "serverVersion">,
): Promise<Grpc> {
  const { host, "http-port": httpPort, "grpc-port": wanted } = settings;
  if (wanted === "off") return absent([]);
  const server = createGrpcServer({
    methods: createOipMethods({ ...protocol, serverName: settings["server-name"], serverVersion: VERSION }),
    guard,
    clock,
    events,
    maxMessageBytes: maxBodyBytes,
    requestTimeoutMs,
    onFault,
    onExchange,
    ...(tls === undefined ? {} : { tls }),
    ...(limits === undefined ? {} : { limits }),
    ...(memory === undefined ? {} : { memory }),
  });
  try {
    // Whoever takes any port for HTTP has other servers beside this one.
    const port = await server.listen(wanted ?? (httpPort === 0 ? 0 : DEFAULT_PORT), host);
    return { port, notices: [], ...methodsOf(server) };
  } catch (error) {
    if (wanted !== undefined || !(error instanceof PortInUse)) throw error;
    return absent([`gRPC is not served: ${error.message}`]);
  }
}

function methodsOf(server: GrpcServer): Omit<Grpc, "port" | "notices"> {
  return {
    setCertificate: (options) => server.setCertificate(options),
    endStreams: () => server.endStreams(),
    close: () => server.close(),
    destroy: () => server.destroy(),
  };
}

function absent(notices: readonly string[]): Grpc {
  const nothing = (): void => undefined;
  return { port: undefined, notices, setCertificate: nothing, endStreams: nothing, close: () => Promise.resolve(), destroy: nothing };
}
