import { z } from "zod";
import type { ApiObject } from "./api-objects.ts";
import type { Style } from "./paint.ts";

const text = z.string().optional().catch(undefined);
const count = z.number().optional().catch(undefined);

/** A list whose wrong elements are left out. */
function listOf<Element extends z.ZodType>(element: Element) {
  return z
    .array(z.unknown())
    .catch([])
    .transform((values) => values.flatMap((value) => [element.safeParse(value)].flatMap(({ data }) => (data === undefined ? [] : [data]))));
}

const condition = z.object({ type: z.string(), status: z.string(), reason: text, message: text, severity: text, lastTransitionTime: text });
const version = z.object({
  model: text,
  version: z.union([z.string(), z.number()]).transform(String),
  state: text,
  reason: text,
  replicas: z.object({ ready: count, wanted: count, auto: z.boolean().optional(), obstacle: text }).optional().catch(undefined),
  devices: listOf(z.string()),
  inline: z.boolean().optional().catch(undefined),
  notInline: text,
  hostExits: count,
  lastHostExit: z.object({ message: text }).optional().catch(undefined),
  quarantined: count,
});
const candidate = z.object({ name: z.string(), scope: text, chosen: z.boolean().catch(false), reason: text });
const failure = z.object({ reason: text, message: text, time: text, exitCode: count, modelRevisionName: text, location: text });
const modelStatus = z.object({
  transitionStatus: text,
  states: z.object({ activeModelState: text, targetModelState: text }).optional().catch(undefined),
  lastFailureInfo: failure.optional().catch(undefined),
  copies: z.object({ totalCopies: count, failedCopies: count }).optional().catch(undefined),
});
const additions = z.object({
  modelName: text,
  mainModel: text,
  versions: listOf(version),
  candidates: listOf(candidate),
  notInEffect: listOf(z.string()),
  warnings: listOf(z.string()),
  retry: text,
  advice: text,
  origin: text,
  scaling: text,
  server: text,
});

const revision = z.object({ revisionName: z.string(), percent: count, tag: text, latestRevision: z.boolean().catch(false) });
const component = z.object({
  latestCreatedRevision: text,
  latestReadyRevision: text,
  latestRolledoutRevision: text,
  previousRolledoutRevision: text,
  traffic: listOf(revision),
});
const NO_COMPONENT: z.infer<typeof component> = {
  latestCreatedRevision: undefined,
  latestReadyRevision: undefined,
  latestRolledoutRevision: undefined,
  previousRolledoutRevision: undefined,
  traffic: [],
};
const canary = z.object({ name: z.string(), ready: z.boolean().catch(false), trafficPercent: count, modelStatus: modelStatus.catch({}) });

/** Status of an InferenceService (KServe's v1beta1 InferenceServiceStatus, and `nitrous` beside it); whatever is missing or odd is left out. */
const serviceStatus = z.object({
  observedGeneration: count,
  url: text,
  conditions: listOf(condition),
  modelStatus: modelStatus.optional().catch(undefined),
  components: z.object({ predictor: component.catch(NO_COMPONENT) }).catch({ predictor: NO_COMPONENT }),
  canaryStatuses: listOf(canary),
  servingRuntimeName: text,
  clusterServingRuntimeName: text,
  nitrous: additions.catch({
    modelName: undefined,
    mainModel: undefined,
    versions: [],
    candidates: [],
    notInEffect: [],
    warnings: [],
    retry: undefined,
    advice: undefined,
    origin: undefined,
    scaling: undefined,
    server: undefined,
  }),
});

export type ServiceStatus = z.infer<typeof serviceStatus>;

export function statusOf({ status }: Pick<ApiObject, "status">): ServiceStatus {
  return serviceStatus.safeParse(status).data ?? serviceStatus.parse({});
}

/** True, False or Unknown. */
export function readiness({ conditions }: ServiceStatus): string {
  return conditions.find(({ type }) => type === "Ready")?.status ?? "Unknown";
}

export function isStopped({ conditions }: ServiceStatus): boolean {
  return conditions.some(({ type, status }) => type === "Stopped" && status === "True");
}

/** The server has not looked at the newest spec yet, so nothing that it says is about that one. */
export function isBehind({ metadata }: ApiObject, { observedGeneration }: ServiceStatus): boolean {
  return (observedGeneration ?? 0) < (metadata.generation ?? 1);
}

/** What keeps the newest spec from serving for good; undefined while it may still come. */
export function isBlocked({ modelStatus }: ServiceStatus): boolean {
  return modelStatus?.transitionStatus === "BlockedByFailedLoad" || modelStatus?.transitionStatus === "InvalidSpec";
}

/** Replicas that answer, of those that there should be: `2/3`; of several versions the latest. Undefined when the server does not say. */
export function replicasInWord({ nitrous: { versions } }: ServiceStatus): string | undefined {
  const replicas = versions.at(-1)?.replicas;
  return replicas === undefined ? undefined : `${replicas.ready ?? 0}/${replicas.wanted ?? 0}`;
}

/** One word for the state, or two where an older revision goes on serving: `Loaded`, `FailedToLoad`, `Loaded/FailedToLoad`. */
export function stateInWord(object: ApiObject, status: ServiceStatus): string {
  if (isStopped(status)) return "Stopped";
  const { transitionStatus, states } = status.modelStatus ?? {};
  const active = states?.activeModelState ?? "";
  const target = states?.targetModelState ?? "";
  if (isBehind(object, status)) return active === "" ? "Pending" : `${active}/Pending`;
  if (transitionStatus === "InvalidSpec" && (target === "" || target === "FailedToLoad"))
    return active === "" ? "InvalidSpec" : `${active}/InvalidSpec`;
  if (target === "" || target === active) return active === "" ? (transitionStatus ?? "Unknown") : active;
  return active === "" ? target : `${active}/${target}`;
}

export function styleOf(ready: string, status: ServiceStatus): Style | undefined {
  if (ready === "True") return isBlocked(status) ? "yellow" : "green";
  return isBlocked(status) || (ready === "False" && !isStopped(status) && status.modelStatus?.transitionStatus !== "InProgress")
    ? "red"
    : "yellow";
}

/** Why it is not as was wanted, on one line or many; undefined when all is well. */
export function whyNotReady(status: ServiceStatus): string | undefined {
  const { modelStatus } = status;
  const info = modelStatus?.lastFailureInfo;
  if (info !== undefined && (isBlocked(status) || readiness(status) !== "True"))
    return [info.reason, info.message].filter(Boolean).join(": ");
  const unready = status.conditions.find(
    (each) => each.status !== "True" && each.type !== "Stopped" && (each.reason ?? each.message) !== undefined,
  );
  return unready === undefined ? undefined : [unready.reason, unready.message].filter(Boolean).join(": ");
}

export function runtimeOf({ servingRuntimeName, clusterServingRuntimeName }: ServiceStatus): string | undefined {
  return servingRuntimeName ?? clusterServingRuntimeName;
}
