import { environmentVariable } from "../settings.ts";
import { CliError, NoServerError } from "./errors.ts";

const DEFAULT_SERVER = "http://127.0.0.1:8080";

/**
 * Where the server is, without a slash at the end: from --server, else NITROUS_SERVER, else this machine's default port.
 * @throws CliError for what is no address
 */
export function serverAddress(option: string | undefined, environment: Readonly<Record<string, string | undefined>>): string {
  const variable = environmentVariable("server");
  const given = option ?? (environment[variable] || undefined);
  if (given === undefined) return DEFAULT_SERVER;
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(given) ? given : `http://${given}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol)) {
    throw new CliError(`${option === undefined ? variable : "--server"} ${given}: expected an address such as ${DEFAULT_SERVER}`, 2);
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

/** Codes of Node's errors about certificates. */
const UNTRUSTED = /CERT|SIGNATURE|ISSUER/;

/** Why a server could not be asked; `cause` is what the connection failed with. */
export function noServer(server: string, cause?: NodeJS.ErrnoException): CliError {
  if (UNTRUSTED.test(cause?.code ?? "")) {
    return new CliError(
      `the certificate of ${new URL(server).origin} is not trusted: ${cause?.message}; NODE_EXTRA_CA_CERTS=FILE names certificates to trust`,
    );
  }
  return new NoServerError(
    `no server answers at ${new URL(server).origin}; start one with 'nitrous serve', or say where it is with --server or ${environmentVariable("server")}`,
  );
}
