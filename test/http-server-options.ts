import { systemClock } from "../src/core/clock.ts";
import { createEvents } from "../src/core/events.ts";
import type { HttpServerOptions } from "../src/server/http-server.ts";

/** What a test of the HTTP server alone does not care about: everybody may do everything, and there is time and room for it. */
export function httpServerOptions(): Omit<HttpServerOptions, "routes"> {
  return {
    guard: () => "",
    clock: systemClock,
    events: createEvents(),
    maxBodyBytes: 1e6,
    requestTimeoutMs: 1e6,
    refusal: (status, body) => ({ status, body }),
    unknown: (status) => ({ status, body: "" }),
    onFault: () => undefined,
  };
}
