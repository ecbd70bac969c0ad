import type { IncomingHttpHeaders } from "node:http";

const MAX_BYTES = 200;
const EXTENSION = /\.[a-z0-9]+$/i;

/** The file name that a URL itself says, if it has an extension. */
export function nameInUrl(url: URL): string | undefined {
  const name = lastSegment(url);
  return name !== undefined && EXTENSION.test(name) ? name : undefined;
}

/**
 * The name that a downloaded file is kept under; its extension decides the format. The URL that the user wrote goes first,
 * then what the server calls the file, then where the redirects led.
 */
export function fileNameOf(asked: URL, reply: { readonly url: URL; readonly headers: IncomingHttpHeaders }): string {
  return (
    nameInUrl(asked) ?? nameInDisposition(reply.headers["content-disposition"]) ?? nameInUrl(reply.url) ?? lastSegment(asked) ?? "model"
  );
}

function lastSegment(url: URL): string | undefined {
  const segment = url.pathname.split("/").at(-1) ?? "";
  try {
    return usable(decodeURIComponent(segment));
  } catch {
    return usable(segment);
  }
}

/** RFC 6266: filename* (RFC 5987, UTF-8 only) goes before filename. */
function nameInDisposition(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const extended = /;\s*filename\*\s*=\s*utf-8'[^']*'([^;\s]+)/i.exec(header)?.[1];
  if (extended !== undefined) {
    try {
      return usable(decodeURIComponent(extended));
    } catch {
      // Wrongly encoded; the plain one may be there too.
    }
  }
  const plain = /;\s*filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))/i.exec(header);
  return usable((plain?.[1]?.replace(/\\(.)/g, "$1") ?? plain?.[2]) || "");
}

/** The last part of a name, if it can be a file's on any system. */
function usable(name: string): string | undefined {
  const last = name.split(/[/\\]/).at(-1) ?? "";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
  const clean = last.replace(/[\x00-\x1f\x7f<>:"|?*]/g, "_");
  return clean === "" || clean === "." || clean === ".." || Buffer.byteLength(clean) > MAX_BYTES ? undefined : clean;
}
