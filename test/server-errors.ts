import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A status of 500 or more that a request may have without a fault of the server. */
export interface ListedServerError {
  readonly status: number;
  /** Regular expressions: of method and path of the route, and of the answer. */
  readonly route: string;
  readonly message: string;
}

/** Of the last table of docs/compatibility.md. */
export function listedServerErrors(): ListedServerError[] {
  const page = readFileSync(fileURLToPath(new URL("../docs/compatibility.md", import.meta.url)), "utf8");
  return [...page.matchAll(/^\| (5\d\d) +\| `([^`]+)` +\| `([^`]+)` +\|/gm)].map(([, status, route = "", message = ""]) => ({
    status: Number(status),
    route,
    message,
  }));
}
