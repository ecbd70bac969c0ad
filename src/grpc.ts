import { createOipMethods, type OipMethodsOptions } from "./protocols/oip/grpc/index.ts";
import { createGrpcServer, type GrpcServer, type GrpcServerOptions, type HttpServerOptions, PortInUse } from "./server/index.ts";
import type { Settings } from "./settings.ts";
import { VERSION } from "./version.ts";

/** The port for gRPC, or its absence: what is done to it then does nothing. */
export interface Grpc extends Pick<GrpcServer, "setCertificate" | "endStreams" | "close" | "destroy"> {
  /** Undefined before it listens, and when it never will. */
  readonly port: number | undefined;
  /** What whoever started the server should know. */
  readonly notices: readonly string[];
  /**
   * A port that nobody has asked for may be taken: it is said, and HTTP is served alone.
   * @throws Error when the port that was asked for is taken
   */
  listen(): Promise<void>;
}

const DEFAULT_PORT = 8081;

/** Serves gRPC beside HTTP, to the same clients under the same limits. */
export function createGrpc(
  settings: Pick<Settings, "host" | "http-port" | "grpc-port" | "server-name">,
  { tls, clock, events, maxBodyBytes, requestTimeoutMs, limits, memory, onFault, onExchange }: Omit<HttpServerOptions, "guard">,
  guard: GrpcServerOptions["guard"],
  protocol: Omit<OipMethodsOptions, "serverName" | "serverVersion">,
): Grpc {
  const { host, "http-port": httpPort, "grpc-port": wanted } = settings;
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
  let port: number | undefined;
  const notices: string[] = [];
  return {
    ...server,
    get port() {
      return port;
    },
    notices,
    async listen() {
      if (wanted === "off") return;
      try {
        // Whoever takes any port for HTTP has other servers beside this one.
        port = await server.listen(wanted ?? (httpPort === 0 ? 0 : DEFAULT_PORT), host);
      } catch (error) {
        if (wanted !== undefined || !(error instanceof PortInUse)) throw error;
        notices.push(`gRPC is not served: ${error.message}`);
      }
    },
  };
}
