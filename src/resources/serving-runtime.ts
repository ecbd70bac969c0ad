import type { JsonValue } from "../core/inference.ts";
import type { ProtocolVersion, ServingRuntime, SupportedFormat } from "../core/resource.ts";
import { environmentOf } from "./container-rules.ts";
import { flagIn, isGiven, listIn, numberIn, textIn } from "./json-fields.ts";
import { environmentScheduling } from "./scheduling-fields.ts";
import { serverContainerIndex } from "./server-fields.ts";
import type { ValidDocument } from "./valid-document.ts";

/** Which of this server's own hosts runs a runtime's models. */
const HOST_ANNOTATION = "nitrous/host";

interface WrittenRuntime extends Pick<ValidDocument, "kind" | "spec"> {
  /** One that only lies in a file has no time yet. */
  readonly metadata: ValidDocument["metadata"] & { readonly creationTimestamp?: string };
}

/** A valid ServingRuntime or ClusterServingRuntime as the rest of the server sees it. */
export function toServingRuntime({ kind, metadata, spec }: WrittenRuntime): ServingRuntime {
  const container = listIn(spec, "containers")[serverContainerIndex(spec)];
  const scheduling = environmentScheduling(environmentOf(container));
  const host = hostOf(metadata.annotations?.[HOST_ANNOTATION]);
  return {
    name: metadata.name,
    namespace: kind === "ClusterServingRuntime" ? undefined : metadata.namespace,
    formats: listIn(spec, "supportedModelFormats").map(toFormat),
    protocolVersions: listIn(spec, "protocolVersions") as ProtocolVersion[],
    multiModel: flagIn(spec, "multiModel"),
    disabled: flagIn(spec, "disabled"),
    multiNode: isGiven(spec, "workerSpec"),
    creationTimestamp: metadata.creationTimestamp ?? "",
    host,
    ...(host === undefined ? { pod: { annotations: metadata.annotations ?? {}, spec } } : {}),
    image: textIn(container, "image"),
    ...(Object.keys(scheduling).length === 0 ? {} : { scheduling }),
  };
}

function toFormat(format: JsonValue): SupportedFormat {
  const version = textIn(format, "version");
  const priority = numberIn(format, "priority");
  return {
    name: textIn(format, "name") ?? "",
    ...(version === undefined ? {} : { version }),
    autoSelect: flagIn(format, "autoSelect"),
    ...(priority === undefined ? {} : { priority }),
  };
}

function hostOf(annotation: string | undefined): ServingRuntime["host"] {
  return annotation === "python" || annotation === "node" || annotation === "auto" ? annotation : undefined;
}
