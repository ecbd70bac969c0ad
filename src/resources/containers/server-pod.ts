import type { JsonObject, JsonValue } from "../../core/inference.ts";
import type { InferenceService, ServingRuntime } from "../../core/resource.ts";
import { variableOf } from "../container-rules.ts";
import { isMap, listIn, mapIn, textIn, textsIn } from "../json-fields.ts";
import { containerFields } from "../schema/container.ts";
import { LEGACY_KEYS } from "../schema/inference-service.ts";
import { pathFrom } from "../server-annotations.ts";
import { serverContainerIndex } from "../server-fields.ts";
import { mergeContainer, mergeVolumes } from "./merge-container.ts";
import { type ServerType, serverTypeOf, taggedImage, typeLabels, withTypeDefaults } from "./server-types.ts";
import { fillTemplates, type ServiceMetadata } from "./template-fields.ts";

const CONTAINER_FIELDS = Object.keys(containerFields);

/** The pod that KServe would make of a service and its runtime, as far as it has a meaning on one machine. */
export interface ServerPod {
  /** For messages. */
  readonly title: string;
  /** Merged, with templates filled in. */
  readonly container: JsonObject;
  readonly volumes: readonly JsonValue[];
  /** Fields of the predictor's pod. */
  readonly predictor: JsonObject;
  /** The runtime's spec; empty for a predictor's own containers. */
  readonly runtimeSpec: JsonObject;
  /** Of the pod: those of the runtime's and the predictor's pods, and of the service. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly metadata: ServiceMetadata;
  readonly type: ServerType;
}

/**
 * A runtime for several models at once says everything by itself: its server is not made for one of them.
 * @param runtime undefined for a predictor of containers
 * @throws ServeError FAILED_PRECONDITION for template fields without a value
 */
export function serverPod(service: InferenceService, runtime: ServingRuntime | undefined): ServerPod {
  const { predictor } = service;
  const { name, namespace, labels, annotations } = service;
  const runtimeSpec = runtime?.pod?.spec ?? {};
  const type = serverTypeOf(runtime?.name ?? "", runtime?.pod?.annotations ?? {});
  const isShared = runtime?.multiModel === true;
  const podAnnotations = { ...textsIn(runtimeSpec, "annotations"), ...textsIn(predictor.pod, "annotations"), ...annotations };
  const title = runtime === undefined ? `the container of ${name}` : `the container of the runtime ${runtime.name}`;
  const common = { title, runtimeSpec, type, annotations: podAnnotations };
  if (runtime === undefined) {
    const metadata = { name, namespace, labels, annotations };
    return {
      ...common,
      container: modelContainer(predictor.pod),
      volumes: rooted(listIn(predictor.pod, "volumes"), annotations),
      predictor: predictor.pod,
      metadata,
    };
  }
  const own = modelContainer(runtimeSpec);
  const shared = rooted(listIn(runtimeSpec, "volumes"), runtime.pod?.annotations ?? {});
  if (isShared) {
    const metadata = { name: runtime.name, namespace, labels: {}, annotations: {} };
    const container = fillTemplates(own, metadata) as JsonObject;
    return { ...common, container, volumes: shared, predictor: {}, metadata };
  }
  const { model } = predictor;
  const typed = {
    name,
    format: model?.format.name ?? "",
    protocol: model?.protocolVersion ?? type.protocol,
    hasArtefact: model?.storageUri !== undefined,
  };
  const metadata = {
    name,
    namespace,
    labels: { ...labels, ...typeLabels(type, typed) },
    // KServe's defaults add it.
    annotations: { ...(model === undefined ? {} : { modelFormat: model.format.name }), ...annotations },
  };
  const written = writtenModel(predictor.pod);
  const merged = mergeContainer(own, withTypeDefaults(fieldsOfContainer(written), type, typed));
  const container = fillTemplates(merged, metadata) as JsonObject;
  const image = textIn(container, "image");
  return {
    ...common,
    container:
      image === undefined ? container : { ...container, image: taggedImage(image, container, textIn(written, "runtimeVersion"), type) },
    volumes: mergeVolumes(shared, rooted(listIn(predictor.pod, "volumes"), annotations)),
    predictor: predictor.pod,
    metadata,
  };
}

/** Where the artefact of a predictor of containers is, as KServe reads it of its container. */
export function customStorageUri(predictor: JsonObject): string | undefined {
  return variableOf(modelContainer(predictor), "STORAGE_URI")?.value;
}

/** Folders of this machine begin, unlike those of a cluster's nodes, where they were written. */
function rooted(volumes: readonly JsonValue[], annotations: Readonly<Record<string, string>>): JsonValue[] {
  return volumes.map((volume) => {
    const [host, path] = [mapIn(volume, "hostPath"), textIn(mapIn(volume, "hostPath"), "path")];
    if (host === undefined || path === undefined) return volume;
    return { ...(volume as JsonObject), hostPath: { ...host, path: pathFrom(path, annotations) } };
  });
}

function modelContainer(pod: JsonObject): JsonObject {
  const found = listIn(pod, "containers")[serverContainerIndex(pod)];
  return isMap(found) ? found : {};
}

function writtenModel(predictor: JsonObject): JsonObject {
  const key = ["model", ...LEGACY_KEYS].find((each) => mapIn(predictor, each) !== undefined);
  return key === undefined ? {} : (mapIn(predictor, key) ?? {});
}

function fieldsOfContainer(model: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(model).filter(([key]) => CONTAINER_FIELDS.includes(key)));
}
