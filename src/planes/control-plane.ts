import type { Clock } from "../core/clock.ts";
import { ServeError } from "../core/errors.ts";
import { isHostOf } from "../core/host-name.ts";
import type { Target } from "../core/inference.ts";
import type { ModelStatus, Rejection } from "../core/model.ts";
import type { Activity, ControlPlane, Resources } from "../core/planes.ts";
import type { ModelRepository } from "../core/repository.ts";
import type { ServiceEvent } from "../core/resource.ts";
import type { ModelVersion, Registry } from "../models/index.ts";

export interface ControlPlaneOptions {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly resources: Resources;
  readonly repository: () => ModelRepository;
  readonly happenings: {
    list(namespace?: string): readonly ServiceEvent[];
    watch(namespace: string | undefined, signal: AbortSignal): AsyncIterable<ServiceEvent>;
  };
  readonly logs: {
    list(isWanted: (host: string) => boolean): readonly string[];
    follow(isWanted: (host: string) => boolean, signal: AbortSignal): AsyncIterable<string>;
  };
  /** Has a model refuse requests, finish what is under way, and go. */
  readonly drain: (model: ModelVersion) => Promise<void>;
  /** Lets a loaded model go. @throws ServeError when it may not */
  readonly evict: (model: ModelVersion) => Promise<void>;
  /** The server's own variables. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Gives a model so many replicas. @throws ServeError when it may not have them */
  readonly scale: (model: ModelVersion, replicas: number | "auto") => Promise<void>;
  /** The InferenceService that a model is served under; a model of the command line has a name that Kubernetes may not allow. */
  readonly ownerOf?: (target: Pick<Target, "namespace" | "name">) => string | undefined;
  readonly rejections: () => readonly Rejection[];
  /** Whether every model has had its first attempt. */
  readonly tried: () => boolean;
  /** The server is ready only when all models are. */
  readonly strictReadiness?: boolean;
}

/** The door for questions about models, and for changes of what is to be served. */
export function createControlPlane(options: ControlPlaneOptions): ControlPlane {
  const { registry, clock, resources, rejections, tried } = options;
  const statusOf = (target: Target): ModelStatus => {
    const latest = registry.find(withoutVersion(target));
    const found = registry.find(target);
    return found.status(found === latest);
  };
  const meant = (target: Target): readonly ModelVersion[] =>
    target.version === undefined ? registry.versions(target) : [registry.find(target)];
  return {
    list: () => registry.statuses(),
    names: (namespace, service) => registry.names(namespace, service),
    get: statusOf,
    async readiness(target) {
      const obstacle = await registry.find(target).checkReadiness();
      const status = statusOf(target);
      return obstacle === undefined || !status.answers ? status : { ...status, answers: false, reason: obstacle };
    },
    async describe(target, context) {
      const model = registry.find(target);
      // One that has failed has no signature, and its status says why.
      if (model.state === "standby") await model.activate(context, clock);
      return statusOf(target);
    },
    async load(target, context) {
      // One that is there, and that nobody has loaded yet.
      const repository = options.repository();
      if (registry.revisions(target).length === 0 && (await repository.holds(target))) await repository.load(target, undefined, context);
      for (const model of meant(target)) model.drained = false;
      await registry.find(target).activate(context, clock, "prefetch");
      return statusOf(target);
    },
    async evict(target) {
      await options.evict(registry.find(target));
      return statusOf(target);
    },
    async scale(target, replicas) {
      await options.scale(registry.find(target), replicas);
      return statusOf(target);
    },
    async drain(target) {
      await Promise.all(meant(target).map(options.drain));
      return statusOf(target);
    },
    versions(target) {
      const latest = registry.find(withoutVersion(target));
      return registry.versions(target).map((version) => version.status(version === latest));
    },
    variable: (target, name) => registry.find(target).spec.variables?.[name] ?? options.environment[name],
    get repository() {
      return options.repository();
    },
    rejections,
    ready() {
      const statuses = registry.statuses();
      if (options.strictReadiness === true) return tried() && rejections().length === 0 && statuses.every(isAsWanted);
      const isIdle = statuses.length === 0 && rejections().length === 0;
      return tried() && (isIdle || statuses.some(({ answers }) => answers));
    },
    resources,
    activity: createActivity(options),
  };
}

function createActivity({ registry, resources, happenings, logs, ownerOf }: ControlPlaneOptions): Activity {
  const hostsOf = (namespace: string, name: string): ((host: string) => boolean) => {
    const models = (): readonly string[] =>
      registry.names(namespace).filter((model) => model === name || ownerOf?.({ namespace, name: model }) === name);
    const isKnown = models().length > 0;
    if (!isKnown && !resources.list("InferenceService", namespace).items.some(({ metadata }) => metadata.name === name)) {
      throw new ServeError("NOT_FOUND", `there is no model ${name} in the namespace ${namespace}`);
    }
    // The hosts of a service change while somebody follows it.
    return (host) =>
      [name, ...models()].some(
        (model) => isHostOf(namespace, model)(host) || registry.hostNames({ namespace, name: model }).includes(host),
      );
  };
  return {
    events: (namespace) => happenings.list(namespace),
    watchEvents: (namespace, signal) => happenings.watch(namespace, signal),
    logs: (namespace, name) => logs.list(hostsOf(namespace, name)),
    followLogs: (namespace, name, signal) => logs.follow(hostsOf(namespace, name), signal),
  };
}

/** The same model, of the same revision. */
function withoutVersion({ version: _, ...others }: Target): Target {
  return others;
}

/** One that somebody has unloaded, or that loads at its first request, keeps nobody from being ready. */
function isAsWanted({ answers, state }: ModelStatus): boolean {
  return answers || state === "standby" || state === "draining";
}
