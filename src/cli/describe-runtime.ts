import type { ApiObject } from "./api-objects.ts";
import { type Field, metadataFields, renderFields, renderSection } from "./describe-text.ts";
import type { Kind } from "./kinds.ts";
import { hostOf, imageOf } from "./runtime-rows.ts";
import { nameAndVersion, runtimeFields } from "./spec-fields.ts";
import { renderTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** A ServingRuntime or ClusterServingRuntime for people. */
export function describeRuntime(kind: Kind, object: ApiObject, terminal: Terminal): string {
  const { metadata, spec } = object;
  const { disabled, multiModel, protocolVersions, supportedModelFormats, containers } = runtimeFields(spec);
  const fields: Field[] = [
    ["Name", metadata.name, "bold"],
    ["Kind", `${kind.kind} (${kind.apiVersion})`],
    ["Namespace", metadata.namespace],
    ...metadataFields(object, terminal.now()),
    ["Disabled", disabled ? "yes: no model gets it" : "no", disabled ? "yellow" : undefined],
    ["Multi-model", multiModel ? "yes: one server for all models that name it" : undefined],
    ["Protocols", protocolVersions.length === 0 ? "any" : protocolVersions.join(", ")],
    ["Runs in", hostOf(metadata.annotations) === "container" ? "a container" : `this server's ${hostOf(metadata.annotations)} host`],
    ["Image", imageOf(containers)],
  ];
  const rows = supportedModelFormats.map(({ name, version, autoSelect = false, priority }) => [
    nameAndVersion(name, version),
    autoSelect ? "yes" : "only by name",
    priority === undefined ? "" : String(priority),
  ]);
  const formats = rows.length === 0 ? "" : renderTable(["FORMAT", "CHOSEN BY ITSELF", "PRIORITY"], rows, terminal, { indent: 2 });
  return `${renderFields(fields, terminal)}${renderSection("Formats", formats, terminal)}`;
}
