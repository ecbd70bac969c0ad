import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { messageOf } from "../core/errors.ts";
import type { Watch } from "./watch.ts";

/** Paths of PEM files. */
export interface TlsFiles {
  /** The server's certificate first, then those between it and a root. */
  readonly cert: string;
  readonly key: string;
}

/**
 * A certificate and its private key, for TLS 1.2 and up.
 * @throws Error that says which file is wrong and how
 */
export async function readTls({ cert, key }: TlsFiles): Promise<SecureContextOptions> {
  const [certificates, privateKey] = await Promise.all([read(cert, "certificate"), read(key, "key")]);
  const certificate = parse(() => new X509Certificate(certificates), `the TLS certificate ${cert} is no certificate in PEM`);
  const parsedKey: KeyObject = parse(
    () => createPrivateKey(privateKey),
    `the TLS key ${key} is no private key in PEM without a passphrase`,
  );
  if (!certificate.checkPrivateKey(parsedKey)) throw new Error(`the TLS key ${key} is not the key of the certificate ${cert}`);
  const options: SecureContextOptions = { cert: certificates, key: privateKey, minVersion: "TLSv1.2" };
  parse(() => createSecureContext(options), `the TLS certificate ${cert} with the key ${key} cannot be used`);
  return options;
}

/** Hands over each pair that takes the place of the first one. One that cannot be used leaves the last good one in its place. */
export function followTls(
  files: TlsFiles,
  watch: Watch,
  onChange: (options: SecureContextOptions) => void,
  onProblem: (problem: string) => void,
): () => void {
  let last = "";
  let reading = Promise.resolve();
  const look = async (): Promise<void> => {
    try {
      const options = await readTls(files);
      const content = `${String(options.cert)}${String(options.key)}`;
      if (content !== last) onChange(options);
      last = content;
    } catch (error) {
      onProblem(`${messageOf(error)}; the certificate before it stays in use`);
    }
  };
  return watch([files.cert, files.key], () => {
    reading = reading.then(look);
  });
}

async function read(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new Error(`the TLS ${what} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

function parse<Value>(make: () => Value, problem: string): Value {
  try {
    return make();
  } catch (error) {
    throw new Error(`${problem}: ${messageOf(error)}`, { cause: error });
  }
}
