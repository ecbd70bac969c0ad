import { ServeError } from "../core/errors.ts";
import type { ModelSpec } from "../core/model.ts";
import type { InferenceService } from "../core/resource.ts";
import type { UpstreamSpec } from "../core/upstream.ts";
import type { Semaphore } from "../models/index.ts";
import {
  type ContainerPlaces,
  deviceWishOf,
  keepsAnswers,
  type RuntimeChoice,
  readServerModel,
  readUpstream,
  runsOwnServer,
  serverNeeds,
} from "../resources/index.ts";
import { type FetchOptions, fetchArtefact } from "./artefact-fetch.ts";
import { stampOf } from "./artefact-files.ts";
import { PlanError } from "./course.ts";
import { textOf } from "./decisive.ts";

const GPU = "nvidia.com/gpu";

export interface ServerPlanOptions {
  /** What the server is told to do with runtimes that could run as a process and as a container; it looks by itself when absent. */
  readonly runAs?: ContainerPlaces["runAs"];
  /** The last word on a server, by whoever knows its program: where its model lies, what its arguments are. */
  readonly adaptServer?: (upstream: UpstreamSpec, plan: ServerToAdapt) => UpstreamSpec | Promise<UpstreamSpec>;
}

export interface ServerToAdapt {
  readonly service: InferenceService;
  /** Of the model, when it has files of its own. */
  readonly artefact: { readonly path: string; readonly isFolder: boolean } | undefined;
}

/** The model of a service whose server is its own: a container, a process, or one elsewhere. @throws PlanError, ServeError */
export async function planServer(
  service: InferenceService,
  { runtime }: RuntimeChoice,
  options: FetchOptions & ServerPlanOptions & { readonly looking: Semaphore },
  report: (step: string) => void,
  signal: AbortSignal,
): Promise<readonly ModelSpec[]> {
  const { namespace, name, annotations, predictor } = service;
  if (predictor.multiNode || runtime?.multiNode === true) {
    const who = predictor.multiNode ? "the predictor" : `the runtime ${runtime?.name}`;
    throw new PlanError("InvalidPredictorSpec", `${who} has a workerSpec, and this is one machine; remove it, or name another runtime`);
  }
  const needs = written(() => serverNeeds(service, runtime));
  const fetched = needs.storageUri === undefined ? undefined : await fetchArtefact(service, needs.storageUri, options, report, signal);
  const claims = new Map<string, string>();
  for (const claim of needs.claims) {
    const request = { uri: `pvc://${claim}`, baseDirectory: options.baseDirectory };
    claims.set(claim, (await options.source.fetch(request, report, signal)).path);
  }
  const own = fetched === undefined ? undefined : await options.looking.run(() => readServerModel(name, fetched.path));
  const artefact = own === undefined ? undefined : { path: own.file, isFolder: own.file === own.directory };
  // A server for several models gets each of them when it runs.
  const mounted = runtime?.multiModel === true ? undefined : artefact;
  const read = written(() => readUpstream(service, runtime, { artefact: mounted, claims, runAs: options.runAs ?? "auto" }));
  const upstream = (await options.adaptServer?.(read, { service, artefact })) ?? read;
  const scheduling = { ...runtime?.scheduling, ...service.scheduling };
  const device = deviceOf(service, upstream);
  const isUnread = upstream.place.kind === "elsewhere" && predictor.model?.storageUri !== undefined;
  return [
    {
      ...(own ?? withoutFiles(name)),
      namespace,
      upstream,
      // Whoever wrote the runtime wants its program to run.
      trust: "code",
      residency: predictor.residency,
      // Each replica would be the same model in the same server.
      ...(upstream.shared ? {} : { scaling: predictor.scaling }),
      ...(device === undefined ? {} : { device }),
      ...(keepsAnswers(annotations) ? { responseCache: true } : {}),
      ...(Object.keys(scheduling).length === 0 ? {} : { scheduling }),
      ...(isUnread ? { notes: ["its storageUri is not read: the server elsewhere has its model already"] } : {}),
      ...(own !== undefined && fetched?.isFollowed === true ? { stamp: await stampOf(own, false) } : {}),
    },
  ];
}

/**
 * The same as long as a service's server is the same; undefined when it has none of its own. What is wrong with it is a part of that: it may
 * be right after another change.
 */
export function serverText(service: InferenceService, { runtime, failure }: RuntimeChoice): string | undefined {
  if (failure !== undefined || !runsOwnServer(service, runtime)) return undefined;
  try {
    const { claims } = serverNeeds(service, runtime);
    const places = { artefact: undefined, claims: new Map(claims.map((claim) => [claim, claim])), runAs: "auto" } as const;
    return textOf(readUpstream(service, runtime, places));
  } catch (error) {
    return ServeError.from(error).message;
  }
}

/** @throws PlanError for what a runtime or predictor says that cannot be */
function written<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (error instanceof ServeError && error.code === "FAILED_PRECONDITION") throw new PlanError("InvalidPredictorSpec", error.message);
    throw error;
  }
}

function deviceOf({ annotations }: InferenceService, { place }: UpstreamSpec): ModelSpec["device"] {
  if (place.kind === "elsewhere") return undefined;
  const count = place.container.resources.devices[GPU];
  return deviceWishOf(undefined, annotations) ?? (count === undefined ? undefined : { kind: "count", count, asked: `${GPU}: ${count}` });
}

/** The server has its model in its image, or elsewhere. */
function withoutFiles(name: string): Omit<ModelSpec, "namespace"> {
  return { name, version: "1", format: "upstream", file: "", directory: "", bytes: 0 };
}
