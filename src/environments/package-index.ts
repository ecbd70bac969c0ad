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
  const response = await fetch(page, signal === undefined ? {} : { signal }).catch((error: unknown) => {
    throw new ServeError("UNAVAILABLE", `the package index cannot be reached for ${packageName}`, { cause: error });
  });
  if (!response.ok) throw new ServeError("UNAVAILABLE", `the package index answered ${response.status} for ${packageName}`);
  const links = (await response.text()).matchAll(/<a\s[^>]*href="([^"]+)"/g);
  return [...links].map(([, href = ""]) => {
    const url = new URL(href.replaceAll("&amp;", "&"), response.url || page);
    url.hash = "";
    return { name: decodeURIComponent(url.pathname.split("/").at(-1) ?? ""), url: url.href };
  });
}

async function pageOf(packageName: string): Promise<string> {
  const { UV_DEFAULT_INDEX, UV_INDEX_URL, PIP_INDEX_URL } = process.env;
  const configured = UV_DEFAULT_INDEX || UV_INDEX_URL || PIP_INDEX_URL || (await indexOfPip());
  if (configured !== undefined && configured !== "") return `${configured.replace(/\/$/, "")}/${packageName}/`;
  const location = UrlConverter.toDownloadUrl(PackageURL.fromString(`pkg:pypi/${packageName}@0`));
  if (location === undefined) throw new ServeError("UNAVAILABLE", `no package index is known for ${packageName}; set PIP_INDEX_URL`);
  return location.url;
}

async function indexOfPip(): Promise<string | undefined> {
  for (const file of [
    process.env.PIP_CONFIG_FILE,
    join(homedir(), ".config/pip/pip.conf"),
    join(homedir(), ".pip/pip.conf"),
    "/etc/pip.conf",
  ]) {
    if (file === undefined) continue;
    const text = await readFile(file, "utf8").catch(() => "");
    const url = /^\s*index-url\s*=\s*(\S+)/m.exec(text)?.[1];
    if (url !== undefined) return url;
  }
  return undefined;
}
