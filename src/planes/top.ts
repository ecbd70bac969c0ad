import type { Clock } from "../core/clock.ts";
import type { JsonObject, JsonValue } from "../core/inference.ts";
import type { ModelStatus } from "../core/model.ts";
import type { ControlPlane, ResourceView } from "../core/planes.ts";
import type { RecentFigures, Statistics } from "../core/statistics.ts";
import type { ServerLoad, TopAccount, TopModel, TopSnapshot } from "../core/top.ts";

export interface TopOptions {
  readonly controlPlane: Pick<ControlPlane, "list" | "resources">;
  readonly statistics: Pick<Statistics, "recent" | "inFlight">;
  readonly accounts: { readonly budgets: Readonly<Record<string, number>>; reserved(account: string): number };
  readonly load: () => ServerLoad;
  readonly clock: Clock;
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly wallClock?: () => number;
}

const NO_TRAFFIC: RecentFigures = {
  requestsPerSecond: 0,
  failuresPerSecond: 0,
  meanBatchSize: undefined,
  p50Ms: undefined,
  p99Ms: undefined,
};

/** What is going on now, of one namespace's models or of all. */
export function createTop({ controlPlane, statistics, accounts, load, clock, version, wallClock = Date.now }: TopOptions) {
  const startedAt = clock.now();
  return (namespace?: string): TopSnapshot => {
    const now = clock.now();
    const statuses = controlPlane.list().filter((status) => namespace === undefined || status.namespace === namespace);
    const firsts = new Map<string, string>();
    /** What had no choice between revisions was the first one's. */
    const revisionsOf = ({ namespace: place, name, revision = "" }: ModelStatus): string[] => {
      const first = firsts.get(`${place}/${name}`) ?? revision;
      firsts.set(`${place}/${name}`, first);
      return first === revision ? [revision, ""] : [revision];
    };
    const known = new Set(statuses.map((status) => `${status.namespace}/${status.name}`));
    const models = [
      ...statuses.map((status) => modelRow(status, statistics.recent(status, revisionsOf(status), now))),
      ...controlPlane.resources
        .list("InferenceService", namespace)
        .items.map(serviceRow)
        .filter(({ namespace: place, model }) => !known.has(`${place}/${model}`)),
    ];
    return {
      time: new Date(wallClock()).toISOString(),
      version,
      uptimeSeconds: Math.round((now - startedAt) / 1000),
      server: load(),
      requests: {
        inFlight: statistics.inFlight,
        perSecond: total(models, "requestsPerSecond"),
        failuresPerSecond: total(models, "failuresPerSecond"),
      },
      accounts: Object.entries(accounts.budgets).map(([name, budget]): TopAccount => ({ name, reserved: accounts.reserved(name), budget })),
      models,
    };
  };
}

function modelRow(status: ModelStatus, figures: RecentFigures): TopModel {
  const { namespace, name, revision, traffic, version, state, reason, replicas, queued, memoryBytes } = status;
  return {
    namespace,
    model: name,
    revision,
    traffic,
    version,
    state,
    reason: reason || (replicas.obstacle ?? ""),
    replicas: { ready: replicas.ready, wanted: replicas.wanted },
    queued,
    memoryBytes,
    ...figures,
  };
}

/** A service whose plan has not come to models, or has failed. */
function serviceRow({ metadata, status }: ResourceView): TopModel {
  const { modelName } = objectOf(status?.nitrous);
  const states = objectOf(objectOf(status?.modelStatus).states);
  const ready = conditionsOf(status).find(({ type }) => type === "Ready");
  const isFailed = states.targetModelState === "FailedToLoad";
  return {
    namespace: metadata.namespace ?? "",
    model: typeof modelName === "string" ? modelName : metadata.name,
    traffic: 0,
    version: "",
    state: ready?.reason === "Stopped" ? "stopped" : isFailed ? "failed" : "pending",
    reason: typeof ready?.message === "string" ? ready.message : "",
    replicas: { ready: 0, wanted: 0 },
    queued: 0,
    memoryBytes: 0,
    ...NO_TRAFFIC,
  };
}

function conditionsOf(status: JsonObject | undefined): JsonObject[] {
  const { conditions } = status ?? {};
  return Array.isArray(conditions) ? conditions.map(objectOf) : [];
}

function objectOf(value: JsonValue | undefined): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

function total(models: readonly TopModel[], figure: "requestsPerSecond" | "failuresPerSecond"): number {
  return models.reduce((sum, model) => sum + model[figure], 0);
}
