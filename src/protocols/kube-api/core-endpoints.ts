import type { Clock } from "../../core/clock.ts";
import { ServeError } from "../../core/errors.ts";
import type { HttpReply, HttpRequest } from "../../core/http.ts";
import type { Activity, Resources } from "../../core/planes.ts";
import type { Endpoint, Endpoints } from "./endpoint.ts";
import { EventHandlers } from "./event-handlers.ts";
import { assertNamespace } from "./names.ts";
import type { Namespace } from "./namespaces.ts";
import { NAMESPACES, namespacesIn } from "./namespaces.ts";
import { objectReply, type Presenter, presenterFor } from "./presenter.ts";
import { selectorOf } from "./selectors.ts";
import { methodNotAllowed, unknownResource } from "./status.ts";
import { wantsWatch } from "./watch.ts";

export interface CoreOptions {
  readonly resources: Resources;
  readonly activity: Activity;
  readonly clock: Clock;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
}

const FIELDS = { "metadata.name": ({ metadata }: Namespace): string => metadata.name };

/** Of Kubernetes' core group: namespaces, which exist by being used, and events. */
export function createCoreEndpoints({ resources, activity, clock, wallClock }: CoreOptions): Endpoints {
  const events = new EventHandlers(activity, clock, wallClock);
  const present = (request: HttpRequest): Presenter<Namespace> => presenterFor(request, NAMESPACES, wallClock);
  const listNamespaces = (request: HttpRequest): HttpReply => {
    if (wantsWatch(request.query)) return methodNotAllowed(["GET"]);
    const selector = selectorOf<Namespace>(request.query, FIELDS);
    return objectReply(present(request).list("0", namespacesIn(resources).filter(selector.matches)));
  };
  const getNamespace = (request: HttpRequest): HttpReply => {
    const { name = "" } = request.params;
    assertNamespace(name);
    const found = namespacesIn(resources).find(({ metadata }) => metadata.name === name);
    if (found === undefined) throw new ServeError("NOT_FOUND", `there is no namespace ${name}`);
    return objectReply(present(request).one(found));
  };
  return {
    "/api/v1/namespaces": {
      GET: listNamespaces,
      POST: () => methodNotAllowed(["GET"], "namespaces are not created: one exists as soon as a resource is in it"),
    },
    "/api/v1/namespaces/{name}": {
      GET: getNamespace,
      subject: ({ params }) => ({ kind: "Namespace", plural: "namespaces", group: "", name: params.name }),
    },
    "/api/v1/events": { GET: (request) => events.list(request, undefined) },
    "/api/v1/namespaces/{namespace}/events": { GET: (request) => events.list(request, namespaceOf(request)) },
    "/api/v1/namespaces/{namespace}/events/{name}": {
      GET: (request) => events.get(request, namespaceOf(request)),
      subject: ({ params }) => ({ kind: "Event", plural: "events", group: "", name: params.name }),
    },
    "/api/v1/{plural}": UNKNOWN,
    "/api/v1/{plural}/{name}": UNKNOWN,
    "/api/v1/namespaces/{namespace}/{plural}": UNKNOWN,
    "/api/v1/namespaces/{namespace}/{plural}/{name}": UNKNOWN,
  };
}

const UNKNOWN: Endpoint = {
  GET: unknownResource,
  POST: unknownResource,
  PUT: unknownResource,
  PATCH: unknownResource,
  DELETE: unknownResource,
};

function namespaceOf({ params }: HttpRequest): string {
  const { namespace = "" } = params;
  assertNamespace(namespace);
  return namespace;
}
