/** A URL for logs and messages, without its credentials and without its query, which may hold a signature. */
export function shownUrl(url: URL): string {
  return `${url.origin}${url.pathname}${url.search === "" ? "" : "?…"}`;
}
