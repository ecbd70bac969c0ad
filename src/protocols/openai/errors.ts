import { ServeError, type ServeErrorOptions } from "../../core/errors.ts";
import type { HttpReply } from "../../core/http.ts";
import { failJson } from "../shared/index.ts";

/** An error that says more than its code in the terms of OpenAI's API. */
export class OpenAiError extends ServeError {
  /** The field of the body that is wrong. */
  readonly param: string;
  /** Such as "model_not_found"; undefined leaves it to the code. */
  readonly reason: string | undefined;

  constructor(error: ServeError, { param, reason }: { readonly param: string; readonly reason?: string }) {
    const { cause, retryAfter, refusal } = error;
    const options: ServeErrorOptions = {
      cause,
      ...(retryAfter === undefined ? {} : { retryAfter }),
      ...(refusal === undefined ? {} : { refusal }),
    };
    super(error.code, error.message, options);
    this.param = param;
    this.reason = reason;
  }
}

/**
 * `{"error":{"message","type","param","code"}}`, with the statuses of all other protocols and the types and codes that OpenAI's API has for
 * them (platform.openai.com/docs/guides/error-codes).
 */
export function failOpenAi(error: ServeError): HttpReply {
  const { status, headers = {} } = failJson(error);
  return { status, headers, body: bodyOf(error, status) };
}

/** The same as the last piece of a stream whose status has been sent. */
export function openAiErrorBody(error: ServeError): string {
  return bodyOf(error, failJson(error).status);
}

function bodyOf(error: ServeError, status: number): string {
  const { param, reason } = error instanceof OpenAiError ? error : { param: null, reason: undefined };
  return JSON.stringify({ error: { message: error.message, type: typeOf(status), param, code: reason ?? reasonOf(error, status) } });
}

function typeOf(status: number): string {
  if (status >= 500) return "server_error";
  if (status === 429) return "requests";
  return status === 403 ? "request_forbidden" : "invalid_request_error";
}

/** What OpenAI's API has a code of its own for, else the code of gRPC; null for a request that is wrong. */
function reasonOf({ code }: ServeError, status: number): string | null {
  if (status === 401) return "invalid_api_key";
  if (status === 429) return "rate_limit_exceeded";
  return code === "INVALID_ARGUMENT" ? null : code.toLowerCase();
}

/** What `find` returns; what it does not find is a model. */
export function unknownModel<Found>(find: () => Found): Found {
  try {
    return find();
  } catch (error) {
    if (!(error instanceof ServeError) || error.code !== "NOT_FOUND") throw error;
    throw new OpenAiError(error, { param: "model", reason: "model_not_found" });
  }
}
