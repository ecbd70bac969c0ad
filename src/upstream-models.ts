import { readFile } from "node:fs/promises";
import { delimiter, dirname } from "node:path";
import type { Clock } from "./core/clock.ts";
import type { ContainerSpec } from "./core/container.ts";
import { messageOf, ServeError } from "./core/errors.ts";
import type { Executor, HostEndpoint, HostSpec } from "./core/executor.ts";
import { hostName } from "./core/host-name.ts";
import type { ModelSpec } from "./core/model.ts";
import type { ServerEndpoint, UpstreamSpec } from "./core/upstream.ts";
import type { Environments } from "./environments/index.ts";
import type { LoaderSteps, PreparedHost } from "./models/index.ts";
import { endpointElsewhere, openUpstream, RunningServer, reachProbe } from "./replicas/index.ts";

export interface UpstreamParts {
  readonly executor: Pick<Executor, "prepare" | "loaded">;
  readonly clock: Clock;
  /** A line for the log of a server. */
  readonly onLog: (host: string, line: string) => void;
  /** Finds the programs that containers without an image name. */
  readonly programs?: { ready(container: ContainerSpec): Promise<ContainerSpec> };
  /** Makes those of programs with a requirements.txt. */
  readonly environments: Pick<Environments, "ensure">;
}

/** Models that one server of several models may have at once. */
const MODELS_PER_SERVER = 1_000;

/** Models that have servers of their own come to life in them; all others as `steps` say. */
export function withUpstreams(steps: LoaderSteps, { executor, clock, onLog, programs, environments }: UpstreamParts): LoaderSteps {
  const servers = new WeakMap<HostEndpoint, RunningServer>();
  return {
    async prepare(spec, report, signal) {
      if (spec.upstream === undefined) return await steps.prepare(spec, report, signal);
      const prepared = await preparedHost(spec, spec.upstream, async (container) => {
        const ready = (await programs?.ready(container)) ?? container;
        if (container.requirements === undefined || container.image !== undefined) return ready;
        const requirementsText = await textOf(container.requirements);
        const question = { format: "upstream", file: container.requirements, requirementsText, exact: false, trusted: true } as const;
        const { python } = await environments.ensure(question, (line) => report(`preparing its Python environment: ${line}`), signal);
        return withInterpreter(ready, python);
      });
      await executor.prepare(prepared.host, report, signal);
      return prepared;
    },
    start(host) {
      const { container, elsewhere, name } = host;
      if (elsewhere !== undefined) {
        const url = new URL(elsewhere);
        const endpoint = endpointElsewhere(name, url);
        const probes = { startup: reachProbe(url), readiness: reachProbe(url), liveness: undefined };
        servers.set(endpoint, new RunningServer({ endpoint, probes, clock, graceMs: 0, onLog: (line) => onLog(name, line) }));
        return endpoint;
      }
      const endpoint = steps.start(host);
      if (container === undefined) return endpoint;
      assertServer(endpoint);
      const { startupProbe: startup, readinessProbe: readiness, livenessProbe: liveness, terminationGraceMs: graceMs } = container;
      const probes = { startup, readiness, liveness };
      servers.set(endpoint, new RunningServer({ endpoint, probes, clock, graceMs, onLog: (line) => onLog(name, line) }));
      return endpoint;
    },
    async connect(endpoint, signal) {
      const server = servers.get(endpoint);
      if (server === undefined) return await steps.connect(endpoint, signal);
      return {
        async warm(place, spec, report, loadSignal) {
          const { upstream, namespace, name, version, example } = spec;
          if (upstream === undefined) throw new ServeError("INTERNAL", `model ${name} has no server of its own`);
          const id = `${namespace}/${name}/${version}#${place.pid}`;
          const parts = { id, spec: upstream, server, place, clock, ...(example === undefined ? {} : { example }) };
          const replica = await openUpstream(parts, report, loadSignal);
          executor.loaded(place.pid);
          return replica;
        },
      };
    },
  };
}

async function preparedHost(
  spec: ModelSpec,
  { place, shared, runtime }: UpstreamSpec,
  ready: (container: ContainerSpec) => Promise<ContainerSpec>,
): Promise<PreparedHost> {
  const nothing = { command: "", arguments: [], environment: {} };
  const warnings = spec.notes ?? [];
  if (place.kind === "elsewhere") return { host: { name: hostName(spec), ...nothing, elsewhere: place.url }, warnings };
  const container = await ready(place.container);
  if (!shared) return { host: { name: hostName(spec), ...nothing, container }, warnings };
  const host: HostSpec = { name: `${spec.namespace}/${runtime}`, ...nothing, container };
  // A runtime that has been changed is another server.
  return { host, warnings, sharing: { key: `${host.name} ${JSON.stringify(container)}`, places: MODELS_PER_SERVER } };
}

async function textOf(requirements: string): Promise<string> {
  try {
    return await readFile(requirements, "utf8");
  } catch (error) {
    const hint = "nitrous/requirements names a requirements.txt, relative to the file of the runtime or absolute";
    throw new ServeError("FAILED_PRECONDITION", `its requirements cannot be read: ${messageOf(error)}; ${hint}`);
  }
}

/** Its commands are found first, and it can be read where folders of users are hidden. */
function withInterpreter(container: ContainerSpec, python: string): ContainerSpec {
  const [bin, folder] = [dirname(python), dirname(dirname(python))];
  const path = container.environment.findLast((variable) => "value" in variable && variable.name === "PATH");
  const after = path !== undefined && "value" in path ? path.value : (process.env.PATH ?? "");
  return {
    ...container,
    environment: [...container.environment, { name: "PATH", value: `${bin}${delimiter}${after}` }, { name: "VIRTUAL_ENV", value: folder }],
    mounts: [...container.mounts, { path: folder, readOnly: true, source: { kind: "folder", path: folder } }],
  };
}

function assertServer(endpoint: HostEndpoint): asserts endpoint is ServerEndpoint {
  if (!("connect" in endpoint)) throw new ServeError("INTERNAL", `${endpoint.name} was started as a host and not as a server`);
}
