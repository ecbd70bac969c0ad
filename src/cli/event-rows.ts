import { z } from "zod";
import { ageOf } from "./age.ts";
import type { Cell } from "./table.ts";

const text = z.string().optional().catch(undefined);
const event = z.object({
  metadata: z.object({ name: text, creationTimestamp: text }).catch({ name: undefined, creationTimestamp: undefined }),
  involvedObject: z.object({ kind: text, namespace: text, name: text }).catch({ kind: undefined, namespace: undefined, name: undefined }),
  type: text,
  reason: text,
  message: text,
  lastTimestamp: text,
  eventTime: text,
});

/** What people ask of a Kubernetes core/v1 Event. */
export interface ServerEvent {
  /** RFC 3339. */
  readonly time: string | undefined;
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly namespace: string;
  /** `InferenceService/iris`. */
  readonly about: string;
}

/** Undefined for what is no event. */
export function toEvent(value: unknown): ServerEvent | undefined {
  const parsed = event.safeParse(value);
  if (!parsed.success) return undefined;
  const { metadata, involvedObject, type = "", reason = "", message = "", lastTimestamp, eventTime } = parsed.data;
  return {
    time: lastTimestamp ?? eventTime ?? metadata.creationTimestamp,
    type,
    reason,
    message,
    namespace: involvedObject.namespace ?? "",
    about: [involvedObject.kind, involvedObject.name].filter(Boolean).join("/"),
  };
}

/** Events of a list, oldest first. */
export function toEvents(items: readonly unknown[]): ServerEvent[] {
  return items.flatMap((item) => toEvent(item) ?? []).sort((left, right) => timeOf(left) - timeOf(right));
}

interface EventColumns {
  readonly allNamespaces?: boolean;
  readonly withoutObject?: boolean;
}

export function eventTitles({ allNamespaces = false, withoutObject = false }: EventColumns): string[] {
  return [...(allNamespaces ? ["NAMESPACE"] : []), "AGE", "TYPE", "REASON", ...(withoutObject ? [] : ["OBJECT"]), "MESSAGE"];
}

export function eventRow(
  { time, type, reason, message, namespace, about }: ServerEvent,
  { allNamespaces = false, withoutObject = false }: EventColumns,
  now: number,
): Cell[] {
  const style = type === "Warning" ? "yellow" : undefined;
  return [
    ...(allNamespaces ? [namespace] : []),
    ageOf(time, now),
    { text: type, style },
    reason,
    ...(withoutObject ? [] : [about]),
    message,
  ];
}

function timeOf({ time }: ServerEvent): number {
  return Date.parse(time ?? "") || 0;
}
