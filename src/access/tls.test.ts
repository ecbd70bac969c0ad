import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { followTls, readTls } from "./tls.ts";

const stored = (name: string): string => fileURLToPath(new URL(`../../testdata/tls/${name}`, import.meta.url));

let directory: string;
const files = (): { cert: string; key: string } => ({ cert: join(directory, "cert.pem"), key: join(directory, "key.pem") });

function install(name: "first" | "second", what: readonly ("cert" | "key")[] = ["cert", "key"]): void {
  if (what.includes("cert")) copyFileSync(stored(`${name}.crt`), files().cert);
  if (what.includes("key")) copyFileSync(stored(`${name}.key`), files().key);
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "nitrous-tls-"));
  install("first");
});

afterEach(() => rmSync(directory, { recursive: true }));

describe("readTls", () => {
  it("reads a pair for TLS 1.2 and up", async () => {
    expect(await readTls(files())).toEqual({
      cert: readFileSync(stored("first.crt"), "utf8"),
      key: readFileSync(stored("first.key"), "utf8"),
      minVersion: "TLSv1.2",
    });
  });

  it("says which file is wrong and how", async () => {
    install("second", ["key"]);
    await expect(readTls(files())).rejects.toThrow(/key\.pem is not the key of the certificate .*cert\.pem/);
    writeFileSync(files().key, "no key");
    await expect(readTls(files())).rejects.toThrow(/key\.pem is no private key in PEM/);
    writeFileSync(files().cert, "no certificate");
    await expect(readTls(files())).rejects.toThrow(/cert\.pem is no certificate in PEM/);
    rmSync(files().cert);
    await expect(readTls(files())).rejects.toThrow(/TLS certificate cannot be read: .*cert\.pem/);
  });
});

describe("followTls", () => {
  it("hands over a new pair once both its files are there, and keeps the old one until then", async () => {
    const told: string[] = [];
    let heard = (): void => undefined;
    let change = (): void => undefined;
    const tell = (text: string): void => {
      told.push(text);
      heard();
    };
    const changed = (): Promise<void> =>
      new Promise((resolve) => {
        heard = resolve;
        change();
      });
    followTls(
      files(),
      (_paths, onChange) => {
        change = onChange;
        return () => undefined;
      },
      ({ cert }) => tell(String(cert)),
      tell,
    );
    install("second", ["cert"]);
    await changed();
    install("second", ["key"]);
    await changed();
    expect(told).toEqual([
      expect.stringMatching(/is not the key .*; the certificate before it stays in use/),
      readFileSync(stored("second.crt"), "utf8"),
    ]);
  });
});
