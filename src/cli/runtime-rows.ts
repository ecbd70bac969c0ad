import type { RunAs } from "../core/runtime-configuration.ts";
import { ageOf } from "./age.ts";
import type { ApiObject } from "./api-objects.ts";
import type { RowOptions } from "./service-rows.ts";
import { containerOf, nameAndVersion, runtimeFields } from "./spec-fields.ts";
import type { Cell } from "./table.ts";

const HOST = "nitrous/host";
const URL = "nitrous/url";
const RUN_AS = "nitrous/run-as";
const OPENAI = "nitrous/openai";

export function runtimeTitles({ wide, allNamespaces }: RowOptions): string[] {
  return [
    ...(allNamespaces ? ["NAMESPACE"] : []),
    ...["NAME", "SCOPE", "FORMATS", "PROTOCOLS", "WHERE", "DISABLED", "AGE"],
    ...(wide ? ["IMAGE"] : []),
  ];
}

/** A ServingRuntime or ClusterServingRuntime as a row below `runtimeTitles`. */
export function runtimeRow(object: ApiObject, { wide, allNamespaces, now }: RowOptions): Cell[] {
  const { metadata, spec } = object;
  const { disabled, supportedModelFormats } = runtimeFields(spec);
  return [
    ...(allNamespaces ? [metadata.namespace ?? ""] : []),
    metadata.name,
    metadata.namespace === undefined ? "cluster" : "namespace",
    formatsInWords(supportedModelFormats),
    protocolsInWords(object),
    placeOf(object),
    { text: String(disabled), style: disabled ? "yellow" : undefined },
    ageOf(metadata.creationTimestamp, now),
    ...(wide ? [containerOf(spec).image ?? ""] : []),
  ];
}

/** Each format once with its versions: `sklearn:1,xgboost:1|2`. */
export function formatsInWords(formats: readonly { readonly name: string; readonly version?: string | undefined }[]): string {
  const versions = new Map<string, string[]>();
  for (const { name, version } of formats) {
    const known = versions.get(name) ?? [];
    versions.set(name, version === undefined ? known : [...known, version]);
  }
  return [...versions].map(([name, known]) => nameAndVersion(name, known.length === 0 ? undefined : known.join("|"))).join(",");
}

/** Where a runtime's models run: in one of the server's own hosts, as a process or a container of its own, or on another machine. */
export type RuntimePlace = "python" | "node" | "auto" | "process" | "container" | "elsewhere";

/** As a server decides it with that setting, where no service says otherwise. */
export function placeOf(
  { metadata: { annotations = {} }, spec }: Pick<ApiObject, "metadata" | "spec">,
  setting: RunAs = "auto",
): RuntimePlace {
  const { [HOST]: host, [URL]: url, [RUN_AS]: runAs = setting } = annotations;
  if (host === "python" || host === "node" || host === "auto") return host;
  if (url !== undefined) return "elsewhere";
  const { image, command } = containerOf(spec);
  if (runAs === "process" || image === undefined) return "process";
  return runAs === "container" || command.length === 0 ? "container" : "process";
}

export function protocolsInWords({ metadata: { annotations = {} }, spec }: Pick<ApiObject, "metadata" | "spec">): string {
  if (annotations[OPENAI] === "true") return "openai";
  const { protocolVersions } = runtimeFields(spec);
  return protocolVersions.length === 0 ? "any" : protocolVersions.join(",");
}
