import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Probe } from "../../core/container.ts";
import { messageOf, ServeError } from "../../core/errors.ts";
import { processlessEndpoint } from "../../core/processless-endpoint.ts";
import type { ServerEndpoint } from "../../core/upstream.ts";

const PORTS: Readonly<Record<string, number>> = { "http:": 80, "https:": 443, "grpc:": 80, "grpcs:": 443 };

/** The port that a URL means. @throws ServeError INVALID_ARGUMENT for another scheme than http, https, grpc and grpcs */
function portOfUrl(url: URL): number {
  const port = url.port === "" ? PORTS[url.protocol] : Number(url.port);
  if (port !== undefined && url.protocol in PORTS) return port;
  throw new ServeError("INVALID_ARGUMENT", `${url.protocol}// is no way to a model's server; expected http://, https:// or grpc://`);
}

/** Nothing else is known of it, so it is ready when it can be reached. */
export function reachProbe(url: URL): Probe {
  const action = { kind: "tcp" as const, port: portOfUrl(url) };
  return { action, initialDelayMs: 0, periodMs: 10_000, timeoutMs: 5_000, successThreshold: 1, failureThreshold: 3 };
}

/** A server that somebody else runs: it does not end when a model does. Names and certificates are checked as the system's are. */
export function endpointElsewhere(name: string, url: URL): ServerEndpoint {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const secure = url.protocol === "https:" || url.protocol === "grpcs:";
  const alpn = url.protocol === "grpcs:" ? "h2" : "http/1.1";
  const servername = isIP(host) === 0 ? { servername: host } : {};
  return {
    ...processlessEndpoint(name),
    connect(port) {
      return secure
        ? connected(connectTls({ host, port, ALPNProtocols: [alpn], ...servername }), "secureConnect", url)
        : connected(connectTcp({ host, port }), "connect", url);
    },
    exec() {
      return Promise.reject(new ServeError("UNIMPLEMENTED", `no command can be run where ${url.host} is`));
    },
  };
}

function connected(socket: Socket, event: string, url: URL): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      socket.destroy();
      reject(
        new ServeError("UNAVAILABLE", `the server at ${url.protocol}//${url.host} cannot be reached: ${messageOf(error)}`, {
          cause: error,
          retryAfter: 1,
        }),
      );
    };
    socket.once("error", fail);
    socket.once(event, () => {
      socket.removeListener("error", fail);
      resolve(socket);
    });
  });
}
