import { ageOf } from "./age.ts";
import type { ApiObject } from "./api-objects.ts";
import { type Field, indented, metadataFields, moment, renderFields, renderItems, renderSection } from "./describe-text.ts";
import { eventRow, eventTitles, type ServerEvent } from "./event-rows.ts";
import { SERVICES } from "./kinds.ts";
import { nextSteps } from "./next-steps.ts";
import { isBehind, isBlocked, readiness, type ServiceStatus, stateInWord, statusOf, styleOf } from "./service-status.ts";
import { type ShadowReport, shadowText } from "./shadow-section.ts";
import { type PredictorFields, predictorFields } from "./spec-fields.ts";
import { renderTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import { trafficTable } from "./traffic-section.ts";

const LAST_EVENTS = 10;

/** An InferenceService for people: what it is, how it is, why, and what to do next. `events` oldest first. */
export function describeService(object: ApiObject, events: readonly ServerEvent[], terminal: Terminal, shadow?: ShadowReport): string {
  const status = statusOf(object);
  const { candidates, notInEffect, warnings } = status.nitrous;
  return [
    renderFields(identity(object, status, predictorFields(object.spec), terminal.now()), terminal),
    section(isBlocked(status) || readiness(status) !== "True" ? "Failure" : "Last failure, which is over", failureText(status, terminal)),
    section(
      "What to do next",
      renderItems(
        nextSteps(object, status).map((text) => ({ mark: "-", text })),
        terminal,
      ),
    ),
    section("Conditions", conditionsTable(status, terminal)),
    section("Versions", versionsTable(status, terminal)),
    section("Traffic", trafficTable(status, terminal)),
    section("Shadow", shadowText(shadow, terminal)),
    section(
      "Runtimes looked at",
      renderItems(
        candidates.map(({ name, scope, chosen, reason = "" }) => ({
          mark: chosen ? "✓" : "✗",
          style: chosen ? "green" : "red",
          text: `${name}${scope === undefined ? "" : ` (${scope})`}: ${reason}`,
        })),
        terminal,
      ),
    ),
    section(
      "Fields that change nothing here",
      renderItems(
        notInEffect.map((text) => ({ mark: "-", text })),
        terminal,
      ),
    ),
    section(
      "Warnings",
      renderItems(
        warnings.map((text) => ({ mark: "!", style: "yellow", text })),
        terminal,
      ),
    ),
    section("Events", eventsTable(events, terminal)),
  ].join("");

  function section(title: string, body: string): string {
    return renderSection(title, body, terminal);
  }
}

function identity(object: ApiObject, status: ServiceStatus, predictor: PredictorFields, now: number): Field[] {
  const { metadata } = object;
  const { name, generation } = metadata;
  const ready = readiness(status);
  const { modelName, retry, advice, origin } = status.nitrous;
  return [
    ["Name", name, "bold"],
    ["Namespace", metadata.namespace],
    ["Kind", `${SERVICES.kind} (${SERVICES.apiVersion})`],
    ["Comes from", origin === "command line" ? "the command line of the server; it is not stored" : undefined],
    ...metadataFields(object, now),
    [
      "Generation",
      generation === undefined ? undefined : `${generation}${isBehind(object, status) ? " (the server has not looked at it yet)" : ""}`,
    ],
    ["Format", predictor.format],
    ["Source", predictor.storageUri],
    ["Runtime", runtimeInWords(status, predictor)],
    ["Server", status.nitrous.server],
    ["Protocol", predictor.protocol],
    ["URL", status.url],
    ["Model name", modelName === name ? undefined : modelName],
    ["Ready", ready, styleOf(ready, status)],
    ["State", stateInWords(object, status), styleOf(ready, status)],
    ["Copies", copiesInWords(status)],
    ["Scaling", status.nitrous.scaling],
    ["Retry", retry ?? advice],
  ];
}

function runtimeInWords(
  { servingRuntimeName, clusterServingRuntimeName }: ServiceStatus,
  { runtime }: PredictorFields,
): string | undefined {
  const asked = runtime === undefined ? "" : ", as the model asks";
  if (servingRuntimeName !== undefined) return `${servingRuntimeName} (ServingRuntime)${asked}`;
  if (clusterServingRuntimeName !== undefined) return `${clusterServingRuntimeName} (ClusterServingRuntime)${asked}`;
  return runtime === undefined ? undefined : `${runtime} (asked for, not found yet)`;
}

function stateInWords(object: ApiObject, status: ServiceStatus): string {
  const word = stateInWord(object, status);
  const [active, target] = word.split("/");
  if (target === undefined) return status.modelStatus?.transitionStatus === "InProgress" ? `${word}, in progress` : word;
  return `${active} goes on serving; the newest spec is ${target}`;
}

function copiesInWords({ modelStatus }: ServiceStatus): string | undefined {
  const { totalCopies, failedCopies = 0 } = modelStatus?.copies ?? {};
  return totalCopies === undefined ? undefined : `${totalCopies}${failedCopies > 0 ? `, and ${failedCopies} failed` : ""}`;
}

function failureText({ modelStatus, nitrous }: ServiceStatus, terminal: Terminal): string {
  const info = modelStatus?.lastFailureInfo;
  if (info === undefined) return "";
  // They have a section of their own.
  const candidates = new Set(nitrous.candidates.map((candidate) => `- ${candidate.name}: ${candidate.reason ?? ""}`));
  const { reason, message = "", time, exitCode, modelRevisionName, location } = info;
  const fields: Field[] = [
    ["Reason", reason, "red"],
    ["When", moment(time, terminal.now())],
    ["Exit code", exitCode === undefined ? undefined : String(exitCode)],
    ["Revision", modelRevisionName],
    ["Where", location],
  ];
  const told = message.split("\n").filter((line) => !candidates.has(line));
  return `${renderFields(fields, terminal, "  ")}${message === "" ? "" : indented(told.join("\n"), 4)}`;
}

export function conditionsTable({ conditions }: Pick<ServiceStatus, "conditions">, terminal: Terminal): string {
  if (conditions.length === 0) return "";
  const rows = conditions.map(({ type, status, reason = "", message = "", lastTransitionTime }) => [
    type,
    { text: status, style: conditionStyle(type, status) },
    ageOf(lastTransitionTime, terminal.now()),
    reason,
    message,
  ]);
  return renderTable(["TYPE", "STATUS", "SINCE", "REASON", "MESSAGE"], rows, terminal, { indent: 2 });
}

/** Stopped is the one condition that is good when it is false. */
function conditionStyle(type: string, status: string): "green" | "red" | "yellow" {
  if (status === "Unknown") return "yellow";
  return (status === "True") === (type !== "Stopped") ? "green" : type === "Stopped" ? "yellow" : "red";
}

function versionsTable({ nitrous: { versions, modelName } }: ServiceStatus, terminal: Terminal): string {
  if (versions.length === 0) return "";
  const hasModels = versions.some(({ model }) => model !== undefined);
  const rows = versions.map((each) => [
    ...(hasModels ? [each.model ?? modelName ?? ""] : []),
    each.version,
    each.state ?? "",
    [each.reason, ...replicaWords(each), ...deviceWords(each), ...inlineWords(each), ...hostTroubles(each)].filter(Boolean).join("; "),
  ]);
  return renderTable([...(hasModels ? ["MODEL"] : []), "VERSION", "STATE", "REASON"], rows, terminal, { indent: 2 });
}

function replicaWords({ replicas }: ServiceStatus["nitrous"]["versions"][number]): string[] {
  const { ready = 0, wanted = 0, auto = true, obstacle } = replicas ?? {};
  const how = auto ? "" : ", as somebody has asked for";
  const why = obstacle === undefined ? "" : `: ${obstacle}`;
  // Of a single one its state says the same.
  return wanted <= 1 && auto ? [] : [`${ready} of ${wanted} replicas answer${how}${why}`];
}

function deviceWords({ devices }: ServiceStatus["nitrous"]["versions"][number]): string[] {
  return devices.length === 0 ? [] : [`on ${devices.join(" and ")}`];
}

function inlineWords({ inline, notInline }: ServiceStatus["nitrous"]["versions"][number]): string[] {
  if (inline === true) return ["answered inline, in the server's own process"];
  return notInline === undefined ? [] : [`not answered inline: ${notInline}`];
}

function hostTroubles({ hostExits = 0, lastHostExit, quarantined = 0 }: ServiceStatus["nitrous"]["versions"][number]): string[] {
  return [
    ...(hostExits === 0
      ? []
      : [`${hostExits} ${hostExits === 1 ? "host has" : "hosts have"} ended, lately: ${lastHostExit?.message ?? ""}`]),
    ...(quarantined === 0 ? [] : [`${quarantined} ${quarantined === 1 ? "request is" : "requests are"} refused because of that`]),
  ];
}

export function eventsTable(events: readonly ServerEvent[], terminal: Terminal): string {
  if (events.length === 0) return "";
  const columns = { withoutObject: true };
  const rows = events.slice(-LAST_EVENTS).map((event) => eventRow(event, columns, terminal.now()));
  return renderTable(eventTitles(columns), rows, terminal, { indent: 2 });
}
