import { systemClock } from "../src/core/clock.ts";
import type { Route } from "../src/core/http.ts";
import { Futures } from "../src/protocols/handles/index.ts";
import { createRoutes } from "../src/routes.ts";
import { testExtensions } from "./oip-extensions.ts";

const never = {} as never;

/** Every route of a server, of which none can be asked anything. */
export function routeTable(): Route[] {
  return createRoutes({
    handles: { events: never, requestTimeoutMs: 0, futures: new Futures(systemClock) },
    dataPlane: never,
    controlPlane: { resources: never, activity: never } as never,
    metrics: never,
    top: never,
    shadows: never,
    keys: never,
    clock: never,
    memory: never,
    serverName: "test",
    extensions: testExtensions(),
    version: "0",
  });
}
