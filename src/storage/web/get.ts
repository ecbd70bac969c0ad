import { type IncomingHttpHeaders, type IncomingMessage, request as plainRequest } from "node:http";
import { request as secureRequest } from "node:https";
import type { Clock } from "../../core/clock.ts";
import { messageOf, ServeError } from "../../core/errors.ts";
import { systemCodeOf } from "../disk.ts";
import { shownUrl } from "../shown-url.ts";
import { TryAgain } from "./try-again.ts";

/** Milliseconds without a byte, after which a connection counts as broken. */
const IDLE_TIMEOUT = 60_000;

const REDIRECTS = [301, 302, 303, 307, 308];
const MAX_REDIRECTS = 10;

const CERTIFICATE_PROBLEM = /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ERR_SSL|EPROTO/;

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Where the redirects led. */
  readonly url: URL;
  /** Throws TryAgain when the connection breaks, or nothing comes for IDLE_TIMEOUT. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Hangs up; to be called in any case. */
  close(): void;
}

/**
 * GET, following redirects.
 * @throws TryAgain when there is no connection; ServeError FAILED_PRECONDITION for redirects that lead nowhere and for
 * certificates that are not trusted; the reason of the signal
 */
export async function get(url: URL, headers: Readonly<Record<string, string>>, clock: Clock, signal: AbortSignal): Promise<Reply> {
  let here = url;
  for (let redirects = 0; ; redirects += 1) {
    const reply = await getOnce(here, headers, clock, signal);
    if (!REDIRECTS.includes(reply.status)) return reply;
    reply.close();
    if (redirects === MAX_REDIRECTS) {
      throw new ServeError(
        "FAILED_PRECONDITION",
        `${shownUrl(url)} redirects more than ${MAX_REDIRECTS} times, at last to ${shownUrl(here)}; give the URL of the file itself`,
      );
    }
    here = redirectedTo(here, reply.headers.location);
  }
}

function redirectedTo(from: URL, location: string | undefined): URL {
  const refused = (why: string): ServeError => new ServeError("FAILED_PRECONDITION", `${shownUrl(from)} redirects ${why}`);
  if (location === undefined) throw refused("without saying where to");
  let to: URL;
  try {
    to = new URL(location, from);
  } catch {
    // Its cause would hold the address with all that must not be shown.
    throw refused("to what is not a URL");
  }
  if (to.protocol !== "https:" && to.protocol !== "http:") throw refused(`to a ${to.protocol}// address; only http and https are followed`);
  if (from.protocol === "https:" && to.protocol === "http:") {
    throw refused(`from https to ${shownUrl(to)}, which is not protected; give the final address yourself, if you trust it`);
  }
  if (to.origin === from.origin && to.username === "" && to.password === "") {
    to.username = from.username;
    to.password = from.password;
  }
  return to;
}

async function getOnce(url: URL, headers: Readonly<Record<string, string>>, clock: Clock, signal: AbortSignal): Promise<Reply> {
  signal.throwIfAborted();
  // A connection of its own: nothing of it stays open afterwards.
  const request = (url.protocol === "https:" ? secureRequest : plainRequest)(url, { headers, agent: false });
  let message: IncomingMessage | undefined;
  const hangUp = (error?: Error): void => {
    (message ?? request).destroy(error);
  };
  let stopIdle = (): void => undefined;
  const watchIdle = (): void => {
    stopIdle();
    stopIdle = clock.after(IDLE_TIMEOUT, () => hangUp(new TryAgain(`nothing came for ${IDLE_TIMEOUT / 1000} s`)));
  };
  const onAbort = (): void => hangUp(new Error("aborted"));
  signal.addEventListener("abort", onAbort, { once: true });
  const close = (): void => {
    stopIdle();
    signal.removeEventListener("abort", onAbort);
    hangUp();
  };
  const broken = (error: unknown): unknown => {
    close();
    return signal.aborted ? signal.reason : connectionError(error, url);
  };

  watchIdle();
  try {
    message = await new Promise<IncomingMessage>((resolve, reject) => {
      request.on("response", resolve);
      request.on("error", reject);
      request.end();
    });
  } catch (error) {
    throw broken(error);
  }
  stopIdle();
  const received = message;
  // Hanging up without having read the body is no error of anybody.
  received.on("error", () => undefined);

  async function* body(): AsyncGenerator<Uint8Array> {
    try {
      watchIdle();
      for await (const chunk of received as AsyncIterable<Buffer>) {
        stopIdle();
        yield chunk;
        watchIdle();
      }
    } catch (error) {
      throw broken(error);
    } finally {
      stopIdle();
    }
  }
  return { status: received.statusCode ?? 0, headers: received.headers, url, body: body(), close };
}

function connectionError(error: unknown, url: URL): Error {
  if (error instanceof TryAgain || error instanceof ServeError) return error;
  const code = systemCodeOf(error) ?? "";
  if (CERTIFICATE_PROBLEM.test(code)) {
    const hint = "set NODE_EXTRA_CA_CERTS to the certificate of the authority that signed it, and check that the server speaks TLS";
    return new ServeError("FAILED_PRECONDITION", `there is no secure connection to ${url.origin} (${code}); ${hint}`, { cause: error });
  }
  // With several addresses tried, the message is empty and the code is not.
  return new TryAgain(messageOf(error) || code || "the connection failed", { cause: error });
}
