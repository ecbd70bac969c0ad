import { ageOf } from "./age.ts";
import type { ApiObject } from "./api-objects.ts";
import type { RowOptions } from "./service-rows.ts";
import { nameAndVersion, runtimeFields } from "./spec-fields.ts";
import type { Cell } from "./table.ts";

const HOST = "nitrous/host";

export function runtimeTitles({ wide, allNamespaces }: RowOptions): string[] {
  return [
    ...(allNamespaces ? ["NAMESPACE"] : []),
    ...["NAME", "SCOPE", "FORMATS", "PROTOCOLS", "HOST", "DISABLED", "AGE"],
    ...(wide ? ["IMAGE"] : []),
  ];
}

/** A ServingRuntime or ClusterServingRuntime as a row below `runtimeTitles`. */
export function runtimeRow({ metadata, spec }: ApiObject, { wide, allNamespaces, now }: RowOptions): Cell[] {
  const { disabled, supportedModelFormats, protocolVersions, containers } = runtimeFields(spec);
  return [
    ...(allNamespaces ? [metadata.namespace ?? ""] : []),
    metadata.name,
    metadata.namespace === undefined ? "cluster" : "namespace",
    formatsInWords(supportedModelFormats),
    protocolVersions.length === 0 ? "any" : protocolVersions.join(","),
    hostOf(metadata.annotations),
    { text: String(disabled), style: disabled ? "yellow" : undefined },
    ageOf(metadata.creationTimestamp, now),
    ...(wide ? [imageOf(containers) ?? ""] : []),
  ];
}

/** Each format once with its versions: `sklearn:1,xgboost:1|2`. */
function formatsInWords(formats: readonly { readonly name: string; readonly version?: string | undefined }[]): string {
  const versions = new Map<string, string[]>();
  for (const { name, version } of formats) {
    const known = versions.get(name) ?? [];
    versions.set(name, version === undefined ? known : [...known, version]);
  }
  return [...versions].map(([name, known]) => nameAndVersion(name, known.length === 0 ? undefined : known.join("|"))).join(",");
}

/** Which of the server's own hosts runs it; a container for what has an image only. */
export function hostOf(annotations: Readonly<Record<string, string>> | undefined): string {
  return annotations?.[HOST] ?? "container";
}

export function imageOf(containers: readonly { readonly name: string; readonly image?: string | undefined }[]): string | undefined {
  return (containers.find(({ name }) => name === "kserve-container") ?? containers[0])?.image;
}
