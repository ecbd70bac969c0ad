import type { ShadowRule } from "../core/shadow.ts";
import { ANNOTATIONS } from "./annotations.ts";
import type { Finding } from "./field-path.ts";

const DEFAULT_TOLERANCE = 1e-6;
const TARGET = /^(service|revision)\/([A-Za-z0-9][A-Za-z0-9._-]{0,127})$/;

type Annotations = Readonly<Record<string, string>>;

/** Undefined for a service without a shadow. The annotations are valid. */
export function shadowOf(annotations: Annotations): ShadowRule | undefined {
  const [, kind, name] = TARGET.exec(annotations[ANNOTATIONS.shadow] ?? "") ?? [];
  if (name === undefined) return undefined;
  return {
    to: kind === "service" ? { service: name } : { revision: name },
    percent: percentIn(annotations[ANNOTATIONS.shadowPercent]) ?? 100,
    tolerance: toleranceIn(annotations[ANNOTATIONS.shadowTolerance]) ?? DEFAULT_TOLERANCE,
  };
}

/** @param name of the service that has the annotations */
export function shadowFindings(annotations: Annotations, name: string | undefined): Finding[] {
  const findings: Finding[] = [];
  const { shadow, shadowPercent, shadowTolerance } = ANNOTATIONS;
  const refuse = (annotation: string, expected: string): void => {
    const message = `expected ${expected}, found ${JSON.stringify(annotations[annotation])}`;
    findings.push({ path: ["metadata", "annotations", annotation], message });
  };
  const target = annotations[shadow];
  if (target !== undefined && !TARGET.test(target)) refuse(shadow, '"service/NAME" or "revision/NAME"');
  if (name !== undefined && target === `service/${name}`) refuse(shadow, "another service, or a revision of this one");
  if (annotations[shadowPercent] !== undefined && percentIn(annotations[shadowPercent]) === undefined)
    refuse(shadowPercent, 'a part of the requests above 0 and at most 100, such as "10"');
  if (annotations[shadowTolerance] !== undefined && toleranceIn(annotations[shadowTolerance]) === undefined)
    refuse(shadowTolerance, 'a number from 0 to 1, such as "1e-6"');
  for (const annotation of [shadowPercent, shadowTolerance])
    if (annotations[annotation] !== undefined && target === undefined)
      findings.push({ path: ["metadata", "annotations", annotation], message: `it says how ${shadow} works, and there is none` });
  return findings;
}

function percentIn(text: string | undefined): number | undefined {
  const percent = numberIn(text);
  return percent !== undefined && percent > 0 && percent <= 100 ? percent : undefined;
}

function toleranceIn(text: string | undefined): number | undefined {
  const tolerance = numberIn(text);
  return tolerance !== undefined && tolerance >= 0 && tolerance <= 1 ? tolerance : undefined;
}

function numberIn(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+(\.\d+)?(e-?\d{1,2})?$/i.test(text) ? Number(text) : undefined;
}
