import { DEFAULT_NAMESPACE } from "../../core/model.ts";
import type { ServiceEvent } from "../../core/resource.ts";
import { ageOf } from "./columns.ts";
import type { PresentedKind } from "./presenter.ts";
import { apiVersionOf, servedKind } from "./served-kinds.ts";
import type { KubeObject } from "./table.ts";

/** Kubernetes' core/v1 Event. */
export interface CoreEvent extends KubeObject {
  readonly involvedObject: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly namespace?: string;
    readonly name: string;
    readonly uid: string;
  };
  readonly reason: string;
  readonly message: string;
  readonly type: "Normal" | "Warning";
  readonly source: { readonly component: "nitrous" };
  readonly firstTimestamp: string;
  readonly lastTimestamp: string;
  readonly count: 1;
  readonly eventTime: null;
  readonly reportingComponent: "nitrous";
  readonly reportingInstance: "";
}

/** Events about cluster-scoped resources are in the default namespace, as in Kubernetes. */
export function coreEvent({ name, time, type, reason, message, about }: ServiceEvent): CoreEvent {
  // Kubernetes' times are in whole seconds.
  const timestamp = `${new Date(time).toISOString().slice(0, 19)}Z`;
  const { namespace } = about;
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name, namespace: namespace ?? DEFAULT_NAMESPACE, resourceVersion: name, creationTimestamp: timestamp },
    involvedObject: {
      apiVersion: apiVersionOf(servedKind(about.kind)),
      kind: about.kind,
      ...(namespace === undefined ? {} : { namespace }),
      name: about.name,
      uid: about.uid,
    },
    reason,
    message,
    type,
    source: { component: "nitrous" },
    firstTimestamp: timestamp,
    lastTimestamp: timestamp,
    count: 1,
    eventTime: null,
    reportingComponent: "nitrous",
    reportingInstance: "",
  };
}

/** What field selectors can ask for. */
export const EVENT_FIELDS: Readonly<Record<string, (event: CoreEvent) => string>> = {
  "metadata.name": ({ metadata }) => metadata.name,
  "metadata.namespace": ({ metadata }) => metadata.namespace ?? "",
  "involvedObject.kind": ({ involvedObject }) => involvedObject.kind,
  "involvedObject.namespace": ({ involvedObject }) => involvedObject.namespace ?? "",
  "involvedObject.name": ({ involvedObject }) => involvedObject.name,
  "involvedObject.uid": ({ involvedObject }) => involvedObject.uid,
  "involvedObject.apiVersion": ({ involvedObject }) => involvedObject.apiVersion,
  "involvedObject.resourceVersion": () => "",
  "involvedObject.fieldPath": () => "",
  reason: ({ reason }) => reason,
  reportingComponent: ({ reportingComponent }) => reportingComponent,
  source: ({ source }) => source.component,
  type: ({ type }) => type,
};

export const EVENTS: PresentedKind<CoreEvent> = {
  apiVersion: "v1",
  kind: "Event",
  columns: [
    {
      name: "Last Seen",
      type: "string",
      description: "Time since it happened",
      cell: ({ lastTimestamp }, now) => ageOf(lastTimestamp, now),
    },
    { name: "Type", type: "string", description: "Normal or Warning", cell: ({ type }) => type },
    { name: "Reason", type: "string", description: "What happened, in one word", cell: ({ reason }) => reason },
    {
      name: "Object",
      type: "string",
      description: "What it happened to",
      cell: ({ involvedObject }) => `${involvedObject.kind.toLowerCase()}/${involvedObject.name}`,
    },
    { name: "Message", type: "string", description: "What happened", cell: ({ message }) => message.trim() },
    { name: "Name", type: "string", format: "name", description: "Name of the event", priority: 1, cell: ({ metadata }) => metadata.name },
  ],
};
