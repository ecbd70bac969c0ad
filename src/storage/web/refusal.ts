import type { IncomingHttpHeaders } from "node:http";
import { ServeError } from "../../core/errors.ts";
import { TryAgain } from "./try-again.ts";

const PASSING = [408, 425, 429];

/** The error that a status without a file stands for; `shown`: the URL as it may be shown. */
export function refusalOf(status: number, headers: IncomingHttpHeaders, shown: string): ServeError | TryAgain {
  if (status >= 500 || PASSING.includes(status)) {
    const seconds = /^\d{1,6}$/.test(headers["retry-after"] ?? "") ? Number(headers["retry-after"]) : undefined;
    return new TryAgain(`the server answered ${status}`, { retryAfter: seconds });
  }
  switch (status) {
    case 401:
      return new ServeError(
        "PERMISSION_DENIED",
        `${shown} wants credentials (401); write them into the URL (https://USER:PASSWORD@host/…) or give a signed URL; they are not shown anywhere`,
      );
    case 403:
      return new ServeError(
        "PERMISSION_DENIED",
        `${shown} may not be fetched (403); check the credentials, or whether a signed URL has run out`,
      );
    case 404:
    case 410:
      return new ServeError("NOT_FOUND", `there is nothing at ${shown} (${status}); check the path and the version in storageUri`);
    default:
      return new ServeError("FAILED_PRECONDITION", `${shown} answered ${status} where a file was expected; check storageUri`);
  }
}
