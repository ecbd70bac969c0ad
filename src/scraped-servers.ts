import type { HostEndpoint } from "./core/executor.ts";
import type { ModelSpec } from "./core/model.ts";
import type { ServerEndpoint } from "./core/upstream.ts";
import type { LoaderSteps } from "./models/index.ts";
import type { MetricSources } from "./replicas/index.ts";

/** Servers of models are asked for their metrics as long as a model is in them. */
export function withScrapedMetrics(steps: LoaderSteps, sources: MetricSources): LoaderSteps {
  const servers = new WeakMap<HostEndpoint, { users: number; remove: () => void }>();
  const enter = (endpoint: ServerEndpoint, spec: ModelSpec): (() => void) => {
    const present = servers.get(endpoint);
    const server = present ?? { users: 0, remove: added(endpoint, spec, sources) };
    servers.set(endpoint, server);
    server.users++;
    return () => {
      server.users--;
      if (server.users > 0) return;
      servers.delete(endpoint);
      server.remove();
    };
  };
  return {
    prepare: (spec, report, signal) => steps.prepare(spec, report, signal),
    start: (host) => steps.start(host),
    async connect(endpoint, signal) {
      const connected = await steps.connect(endpoint, signal);
      if (!("connect" in endpoint)) return connected;
      return {
        async warm(place, spec, report, loadSignal) {
          const replica = await connected.warm(place, spec, report, loadSignal);
          if (spec.upstream?.metrics === undefined) return replica;
          const leave = enter(endpoint as ServerEndpoint, spec);
          void replica.exited.then(leave);
          return replica;
        },
      };
    },
  };
}

function added(endpoint: ServerEndpoint, { namespace, name, upstream }: ModelSpec, sources: MetricSources): () => void {
  if (upstream?.metrics === undefined) return () => undefined;
  const { place, metrics, runtime, shared } = upstream;
  const authority = place.kind === "elsewhere" ? new URL(place.url).hostname : "127.0.0.1";
  return sources.add({
    endpoint,
    ...metrics,
    authority: `${authority}:${metrics.port}`,
    namespace,
    model: shared ? undefined : name,
    runtime,
  });
}
