import type { ApiObject } from "./api-objects.ts";
import { type Field, metadataFields, renderFields, renderSection } from "./describe-text.ts";
import type { Kind } from "./kinds.ts";
import { placeOf, protocolsInWords, type RuntimePlace } from "./runtime-rows.ts";
import { containerOf, nameAndVersion, runtimeFields } from "./spec-fields.ts";
import { renderTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

const PLACES: Readonly<Record<RuntimePlace, string>> = {
  python: "this server's Python host",
  node: "this server's Node host",
  auto: "this server's Python or Node host",
  process: "a process of its own",
  container: "a container",
  elsewhere: "a server elsewhere",
};

/** A ServingRuntime or ClusterServingRuntime for people. */
export function describeRuntime(kind: Kind, object: ApiObject, terminal: Terminal): string {
  const { metadata, spec } = object;
  const { disabled, multiModel, supportedModelFormats } = runtimeFields(spec);
  const fields: Field[] = [
    ["Name", metadata.name, "bold"],
    ["Kind", `${kind.kind} (${kind.apiVersion})`],
    ["Namespace", metadata.namespace],
    ...metadataFields(object, terminal.now()),
    ["Disabled", disabled ? "yes: no model gets it" : "no", disabled ? "yellow" : undefined],
    ["Multi-model", multiModel ? "yes: one server for all models that name it" : undefined],
    ["Protocols", protocolsInWords(object).replaceAll(",", ", ")],
    ["Runs in", PLACES[placeOf(object)]],
    ["Image", containerOf(spec).image],
  ];
  const rows = supportedModelFormats.map(({ name, version, autoSelect = false, priority }) => [
    nameAndVersion(name, version),
    autoSelect ? "yes" : "only by name",
    priority === undefined ? "" : String(priority),
  ]);
  const formats = rows.length === 0 ? "" : renderTable(["FORMAT", "CHOSEN BY ITSELF", "PRIORITY"], rows, terminal, { indent: 2 });
  return `${renderFields(fields, terminal)}${renderSection("Formats", formats, terminal)}`;
}
