import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { ProbeAction } from "../../core/container.ts";
import { messageOf, ServeError } from "../../core/errors.ts";
import type { ServerEndpoint } from "../../core/upstream.ts";
import { checkHealth } from "./grpc/index.ts";
import { send } from "./http-connections.ts";

/** Where a server is probed. */
export type Probed = Pick<ServerEndpoint, "connect" | "exec">;

/** What came of one probe that was not what it should be; undefined for a success. As a kubelet judges: HTTP status 200 to 399, exit code 0, SERVING. */
export async function attempt(action: ProbeAction, server: Probed, signal: AbortSignal): Promise<string | undefined> {
  try {
    switch (action.kind) {
      case "http":
        return await attemptHttp(action, server, signal);
      case "tcp":
        (await server.connect(action.port)).destroy();
        return undefined;
      case "exec": {
        const { code, output } = await server.exec(action.command, signal);
        const last = output.trimEnd().split("\n").at(-1) ?? "";
        return code === 0 ? undefined : `exit code ${code}${last === "" ? "" : `, ${last.slice(0, 200)}`}`;
      }
      case "grpc": {
        const status = await checkHealth((port) => server.connect(port), action.port, action.service, signal);
        return status === "SERVING" ? undefined : status;
      }
    }
  } catch (error) {
    return causeOf(error);
  }
}

async function attemptHttp(action: ProbeAction & { kind: "http" }, server: Probed, signal: AbortSignal): Promise<string | undefined> {
  const { port, path, secure } = action;
  const given = Object.fromEntries(action.headers);
  // The Host header of the spec, as a kubelet has it.
  const authority = action.headers.find(([name]) => name.toLowerCase() === "host")?.[1] ?? `127.0.0.1:${port}`;
  const headers = Object.fromEntries(
    Object.entries({ "User-Agent": "nitrous-probe", Accept: "*/*", ...given }).filter(([name]) => name.toLowerCase() !== "host"),
  );
  const connect = async (to: number): Promise<Socket> => (secure ? overTls(await server.connect(to)) : await server.connect(to));
  const answer = await send(
    { connect, port, authority, prefix: "" },
    { method: "GET", path: path.startsWith("/") ? path : `/${path}`, headers },
    signal,
  );
  const status = answer.statusCode ?? 0;
  // What it says besides is nobody's business.
  answer.on("error", () => undefined);
  answer.destroy();
  return status >= 200 && status < 400 ? undefined : String(status);
}

/** The certificate is not looked at, as a kubelet does not. */
function overTls(socket: Socket): Socket {
  return connectTls({ socket, rejectUnauthorized: false });
}

function causeOf(error: unknown): string {
  return error instanceof ServeError && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
}
