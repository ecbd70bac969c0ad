import type { Events } from "./core/events.ts";
import type { HttpServer } from "./server/index.ts";
import type { Settings } from "./settings.ts";

/** Binds the port for everything, and the one for metrics where one is wanted, which is told. Settles with the first. @throws Error */
export async function listenOn(http: HttpServer, metrics: HttpServer, settings: Settings, events: Events): Promise<number> {
  const { host, "http-port": port, "metrics-port": metricsPort } = settings;
  const bound = await http.listen(port, host);
  if (metricsPort === undefined) return bound;
  const second = await metrics.listen(metricsPort, host, "--metrics-port");
  events.emit("access-notice", { text: `metrics are at port ${second} too, under /metrics`, problem: false });
  return bound;
}
