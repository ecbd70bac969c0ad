import type { InferenceService, ServingRuntime } from "../../core/resource.ts";
import type { UpstreamPlace, UpstreamSpec } from "../../core/upstream.ts";
import { mapIn } from "../json-fields.ts";
import { type ServerAnnotations, serverAnnotations } from "../server-annotations.ts";
import { managementEndpoint } from "./management-endpoint.ts";
import { claimsIn } from "./mounts.ts";
import { type ContainerPlaces, readContainer } from "./read-container.ts";
import { customStorageUri, type ServerPod, serverPod } from "./server-pod.ts";
import { type ServerPorts, serverPorts } from "./server-ports.ts";
import { endpointsOf } from "./server-protocols.ts";

/** Requests at once, of a server whose service says nothing of it. */
const CONCURRENCY = 32;
const METRICS_PATH = "/metrics";
const METRICS_ANNOTATIONS = ["prometheus.kserve.io", "prometheus.io"];
const NAME_ARGUMENT = /^--(?:model[-_]name|served[-_]model[-_]name)(?:=(.+))?$/s;
const USUAL_PORTS: Readonly<Record<string, number>> = { "https:": 443 };

/** Whether a server of its own answers for a service: its predictor's containers, a runtime that names no host of this server, or one elsewhere. */
export function hasOwnServer(service: InferenceService, runtime: ServingRuntime | undefined): boolean {
  if (service.predictor.model === undefined) return true;
  return runtime === undefined ? isElsewhere(service) : runtime.host === undefined || isElsewhere(service);
}

/** The service itself says which server it is, so that it needs no runtime. */
export function isElsewhere({ annotations }: InferenceService): boolean {
  return serverAnnotations({}, annotations).url !== undefined;
}

/** What has to be fetched before the server of a service can be described: its model, and folders of claims. */
export interface ServerNeeds {
  readonly storageUri: string | undefined;
  readonly claims: readonly string[];
}

/** @throws ServeError FAILED_PRECONDITION as {@link readUpstream} does */
export function serverNeeds(service: InferenceService, runtime: ServingRuntime | undefined): ServerNeeds {
  const { model, pod: predictor } = service.predictor;
  // Whoever runs a server elsewhere has given it its model.
  if (annotationsOf(service, runtime).url !== undefined) return { storageUri: undefined, claims: [] };
  const { container, volumes } = serverPod(service, runtime);
  const storageUri = model === undefined ? customStorageUri(predictor) : model.storageUri;
  return { storageUri: storageUri === "" ? undefined : storageUri, claims: claimsIn(container, volumes) };
}

/**
 * The server of a service: its place, what it speaks, and how it is used.
 * @param runtime undefined for a predictor of containers, and for a service that names a server elsewhere
 * @throws ServeError FAILED_PRECONDITION naming what a runtime or predictor says that there is not on one machine
 */
export function readUpstream(service: InferenceService, runtime: ServingRuntime | undefined, places: ContainerPlaces): UpstreamSpec {
  const annotations = annotationsOf(service, runtime);
  const pod = serverPod(service, runtime);
  const { url } = annotations;
  const ports = url === undefined ? serverPorts(pod.container, pod.runtimeSpec) : portsOf(new URL(url));
  const endpoints = endpointsOf(service, runtime, pod, ports, annotations);
  const metrics = metricsOf(pod, ports);
  const isShared = runtime?.multiModel === true;
  const management = isShared ? managementEndpoint(pod.runtimeSpec) : undefined;
  const asked = management === undefined ? endpoints : [...endpoints, management];
  const place: UpstreamPlace =
    url === undefined
      ? { kind: "container", container: readContainer(pod, { endpoints: asked, ports, metrics }, annotations, places) }
      : { kind: "elsewhere", url };
  return {
    runtime: runtime?.name ?? service.name,
    place,
    protocols: endpoints,
    modelName: annotations.modelName ?? (isShared ? undefined : toldName(place)) ?? service.name,
    concurrency: service.scheduling.requestsPerReplica ?? CONCURRENCY,
    // KServe's batcher is one of the service's own.
    batchable: annotations.batch ?? mapIn(service.predictor.pod, "batcher") !== undefined,
    shared: isShared,
    ...(management === undefined ? {} : { management }),
    metrics,
  };
}

/** A server for several models is not one service's to change; where a model of it is, a service may say. */
function annotationsOf(service: InferenceService, runtime: ServingRuntime | undefined): ServerAnnotations {
  const own = serverAnnotations(runtime?.pod?.annotations ?? {}, service.annotations);
  if (runtime?.multiModel !== true) return own;
  return { ...serverAnnotations(runtime.pod?.annotations ?? {}, {}), modelName: own.modelName, batch: own.batch };
}

function portsOf({ protocol, port }: URL): ServerPorts {
  const number = port === "" ? (USUAL_PORTS[protocol] ?? 80) : Number(port);
  const isGrpc = protocol === "grpc:";
  return { declared: [], http: isGrpc ? undefined : number, grpc: isGrpc ? number : undefined, metrics: undefined };
}

function metricsOf({ annotations }: ServerPod, ports: ServerPorts): UpstreamSpec["metrics"] {
  const value = (key: string): string | undefined => METRICS_ANNOTATIONS.flatMap((prefix) => annotations[`${prefix}/${key}`] ?? [])[0];
  const annotated = Number(value("port") ?? Number.NaN);
  const port = Number.isInteger(annotated) && annotated > 0 && annotated < 65536 ? annotated : ports.metrics;
  return port === undefined ? undefined : { port, path: value("path") ?? METRICS_PATH };
}

/** The name that KServe's servers are told. */
function toldName(place: UpstreamPlace): string | undefined {
  const args = place.kind === "elsewhere" ? [] : [...place.container.command, ...place.container.arguments];
  for (const [index, text] of args.entries()) {
    const match = NAME_ARGUMENT.exec(text);
    const name = match === null ? undefined : (match[1] ?? args[index + 1]);
    if (name !== undefined && !name.startsWith("-")) return name;
  }
  return undefined;
}
