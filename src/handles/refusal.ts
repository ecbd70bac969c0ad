import { CODES, type Code, ServeError } from "../core/errors.ts";

/** Codes of statuses, for answers that name none. */
const CODES_OF_STATUSES: Readonly<Record<number, Code>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  409: "ABORTED",
  413: "RESOURCE_EXHAUSTED",
  429: "RESOURCE_EXHAUSTED",
  501: "UNIMPLEMENTED",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
};

/** The error that a server has answered with. */
export async function refusalOf(response: Response): Promise<ServeError> {
  const text = await response.text().catch(() => "");
  let answer: { error?: unknown; code?: unknown } = {};
  try {
    answer = JSON.parse(text) as typeof answer;
  } catch {}
  const retryAfter = Number(response.headers.get("retry-after") ?? Number.NaN);
  return errorOf(answer, `the server answered ${response.status}: ${text.slice(0, 200)}`, response.status, retryAfter);
}

/** The error that the server has told. */
export function errorOf(
  { error, code }: { error?: unknown; code?: unknown },
  otherwise: string,
  status = 500,
  retryAfter = Number.NaN,
): ServeError {
  const known = CODES.find((each) => each === code) ?? CODES_OF_STATUSES[status] ?? "UNKNOWN";
  return new ServeError(known, typeof error === "string" ? error : otherwise, Number.isNaN(retryAfter) ? {} : { retryAfter });
}
