import type { JsonObject } from "../core/inference.ts";
import type { Residency } from "../core/model.ts";
import { ANNOTATIONS } from "./annotations.ts";
import type { Finding } from "./field-path.ts";
import { leastReplicas } from "./scaling.ts";

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/**
 * How a service's models come and go: with `minReplicas: 0` at their first request, and unloaded when nobody asks; with `minReplicas`
 * of 1 or more, or pinned, always loaded; otherwise loaded while there is room.
 */
export function residencyOf(predictor: JsonObject | undefined, annotations: Readonly<Record<string, string>>): Residency {
  const minReplicas = leastReplicas(predictor, annotations);
  const pin = annotations[ANNOTATIONS.pin];
  const isPinned = pin === undefined ? minReplicas !== undefined && minReplicas >= 1 : pin === "true";
  if (isPinned) return { kind: "pinned" };
  const text = annotations[ANNOTATIONS.idleTimeout];
  const idleMs = text === undefined ? undefined : durationIn(text);
  return { kind: minReplicas === 0 ? "on-demand" : "preferred", ...(idleMs === undefined ? {} : { idleMs }) };
}

export function residencyFindings(annotations: Readonly<Record<string, string>>): Finding[] {
  const findings: Finding[] = [];
  const pin = annotations[ANNOTATIONS.pin];
  if (pin !== undefined && pin !== "true" && pin !== "false")
    findings.push({ path: pathOf(ANNOTATIONS.pin), message: `expected "true" or "false", found ${JSON.stringify(pin)}` });
  const idle = annotations[ANNOTATIONS.idleTimeout];
  if (idle !== undefined && durationIn(idle) === undefined)
    findings.push({
      path: pathOf(ANNOTATIONS.idleTimeout),
      message: `expected a time such as "90s", "5m" or "1h", found ${JSON.stringify(idle)}`,
    });
  return findings;
}

function pathOf(name: string): Finding["path"] {
  return ["metadata", "annotations", name];
}

/** Milliseconds. */
function durationIn(text: string): number | undefined {
  const [, number, unit = ""] = /^(\d{1,9})(ms|s|m|h)$/.exec(text) ?? [];
  const milliseconds = Number(number) * (UNITS[unit] ?? Number.NaN);
  return milliseconds > 0 ? milliseconds : undefined;
}
