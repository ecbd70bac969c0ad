import { isAbsolute } from "node:path";
import { fileURLToPath } from "node:url";
import { messageOf, ServeError } from "../core/errors.ts";
import { shownUrl } from "./shown-url.ts";

/** What a storageUri points at, by where it has to be looked for. */
export type Location =
  | { readonly kind: "local"; readonly path: string }
  | { readonly kind: "volume"; readonly name: string; readonly path: string }
  | { readonly kind: "web"; readonly url: URL };

/** Schemes that KServe fetches from and this version does not. */
const LATER = ["gs", "s3", "hf", "hdfs", "webhdfs", "oci", "oci+native", "oci+modelcar", "oci+fetch", "modelscope"];

const AZURE = /^[^.]+\.(blob|file)\.core\.windows\.net$/i;

/** @throws ServeError INVALID_ARGUMENT for what is no storageUri, FAILED_PRECONDITION for what a later version fetches */
export function locationOf(uri: string): Location {
  if (uri.trim() === "") throw new ServeError("INVALID_ARGUMENT", "storageUri is empty; give a path, a pvc:// URI or a URL");
  if (uri.includes("\0")) throw new ServeError("INVALID_ARGUMENT", "storageUri contains a NUL character");
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(uri)?.[1]?.toLowerCase() ?? (/^file:/i.test(uri) ? "file" : undefined);
  if (scheme === undefined) return { kind: "local", path: uri };
  if (scheme === "file") return fileLocation(uri);
  if (scheme === "pvc") return volumeLocation(uri);
  if (scheme === "http" || scheme === "https") return webLocation(uri);
  if (LATER.includes(scheme)) throw notYet(`${scheme}://`);
  throw new ServeError(
    "INVALID_ARGUMENT",
    `storageUri, must be one of: [pvc://, file://, https://, http://] or be an absolute or relative local path. ` +
      `StorageUri [${uri.replace(/\/\/[^/]*@/, "//").replace(/\?.*/s, "?…")}] is not supported`,
  );
}

/**
 * The problem with a storageUri that can be seen without fetching (unknown scheme, cloud scheme of a later version, pvc
 * without a name), or undefined.
 */
export function whyUnsupported(uri: string): string | undefined {
  try {
    locationOf(uri);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function fileLocation(uri: string): Location {
  let path: string;
  try {
    path = fileURLToPath(uri.replace(/^file:\/\/localhost(?=\/)/i, "file://"));
  } catch (cause) {
    const hint = `${uri} is no file URL of this machine (${messageOf(cause)}); write file:///absolute/path`;
    throw new ServeError("INVALID_ARGUMENT", hint, { cause });
  }
  if (path.includes("\0")) throw new ServeError("INVALID_ARGUMENT", "storageUri contains a NUL character");
  if (!isAbsolute(path)) throw new ServeError("INVALID_ARGUMENT", `${uri} is not absolute; write file:///absolute/path`);
  return { kind: "local", path };
}

function volumeLocation(uri: string): Location {
  const rest = uri.slice("pvc://".length);
  const [name = ""] = rest.split("/", 1);
  if (name === "") throw new ServeError("INVALID_ARGUMENT", `${uri} names no volume; write pvc://NAME/path`);
  return { kind: "volume", name, path: rest.slice(name.length) };
}

function webLocation(uri: string): Location {
  let url: URL;
  try {
    url = new URL(uri);
    decodeURIComponent(url.username + url.password);
  } catch {
    // Its cause would hold the credentials.
    throw new ServeError("INVALID_ARGUMENT", "storageUri is not a valid URL; check its host, port and percent-encoded characters");
  }
  if (url.protocol === "https:" && AZURE.test(url.hostname)) throw notYet(`Azure storage (${shownUrl(url)})`);
  if (url.pathname.endsWith(".git")) throw notYet(`Git repositories (${shownUrl(url)})`);
  url.hash = "";
  return { kind: "web", url };
}

function notYet(source: string): ServeError {
  return new ServeError(
    "FAILED_PRECONDITION",
    `this version does not fetch from ${source} yet; a local path, pvc:// or http(s):// works: copy the model to one of them, and write that as storageUri`,
  );
}
