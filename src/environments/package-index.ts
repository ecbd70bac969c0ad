import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { PackageURL, UrlConverter } from "@socketregistry/packageurl-js";
import { ServeError } from "../core/errors.ts";

/** One file of a package, as the index lists it (PEP 503). */
export interface IndexFile {
  readonly name: string;
  readonly url: string;
}

/**
 * The files of a package: from the index that uv or pip is configured with, else from the one that package URLs of type
 * pypi mean.
 * @throws ServeError UNAVAILABLE when the index cannot be read
 */
export async function listFiles(packageName: string, signal?: AbortSignal): Promise<IndexFile[]> {
  const page = await pageOf(packageName);
  const response = await get(page, packageName, signal);
  const links = (await response.text()).matchAll(/<a\s[^>]*href="([^"]+)"/g);
  return [...links].map(([, href = ""]) => {
    const url = new URL(href.replaceAll("&amp;", "&"), response.url || page);
    url.hash = "";
    // The name and password of the index hold for its own files too.
    const { origin, username, password } = new URL(page);
    if (url.origin === origin) Object.assign(url, { username, password });
    return { name: decodeURIComponent(url.pathname.split("/").at(-1) ?? ""), url: url.href };
  });
}

/** The contents of a file that the index lists. @throws ServeError UNAVAILABLE when it cannot be had */
export async function fetchFile({ name, url }: IndexFile, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await (await get(url, name, signal)).arrayBuffer());
}

/** The index that the user configured for uv or pip, which may hold a name and a password; undefined when there is none. */
export async function configuredIndex(): Promise<string | undefined> {
  const { UV_DEFAULT_INDEX, UV_INDEX_URL, PIP_INDEX_URL } = process.env;
  return UV_DEFAULT_INDEX || UV_INDEX_URL || PIP_INDEX_URL || (await indexOfPip());
}

async function get(address: string, what: string, signal?: AbortSignal): Promise<Response> {
  const url = new URL(address);
  // fetch refuses addresses with a name and a password, so they travel as the header that they mean.
  const credentials = [url.username, url.password].map(decodeURIComponent).join(":");
  const headers = { accept: "text/html, */*", ...(credentials === ":" ? {} : { authorization: `Basic ${btoa(credentials)}` }) };
  Object.assign(url, { username: "", password: "" });
  const response = await fetch(url, { headers, ...(signal === undefined ? {} : { signal }) }).catch((cause: unknown) => {
    signal?.throwIfAborted();
    throw new ServeError("UNAVAILABLE", `the package index at ${url.host} cannot be reached for ${what}`, { cause });
  });
  if (!response.ok) throw new ServeError("UNAVAILABLE", `the package index at ${url.host} answered ${response.status} for ${what}`);
  return response;
}

async function pageOf(packageName: string): Promise<string> {
  const configured = await configuredIndex();
  if (configured !== undefined) return `${configured.replace(/\/$/, "")}/${packageName}/`;
  const location = UrlConverter.toDownloadUrl(PackageURL.fromString(`pkg:pypi/${packageName}@0`));
  if (location === undefined) throw new ServeError("UNAVAILABLE", `no package index is known for ${packageName}; set PIP_INDEX_URL`);
  return location.url;
}

async function indexOfPip(): Promise<string | undefined> {
  const { PIP_CONFIG_FILE, XDG_CONFIG_HOME } = process.env;
  const folder = XDG_CONFIG_HOME || join(homedir(), ".config");
  for (const file of [PIP_CONFIG_FILE, join(folder, "pip/pip.conf"), join(homedir(), ".pip/pip.conf"), "/etc/pip.conf"]) {
    if (file === undefined) continue;
    const text = await readFile(file, "utf8").catch(() => "");
    const url = /^\[global\][^[]*?^\s*index[-_]url\s*[=:]\s*(\S+)/m.exec(text)?.[1];
    if (url !== undefined) return url;
  }
  return undefined;
}
