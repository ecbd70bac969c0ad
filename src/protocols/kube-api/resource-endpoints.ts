import type { HttpHead, HttpMethod, HttpReply, HttpRequest } from "../../core/http.ts";
import type { Target } from "../../core/inference.ts";
import { isObject, parseJson } from "../shared/index.ts";
import type { Endpoint, Endpoints } from "./endpoint.ts";
import { assertName, assertNamespace } from "./names.ts";
import { type Address, type NamedAddress, ResourceHandlers, type ResourceHandlersOptions } from "./resources.ts";
import { GROUP, SERVED_KINDS, type ServedKind } from "./served-kinds.ts";
import { methodNotAllowed, type Subject, unknownResource } from "./status.ts";

type OnCollection = (request: HttpRequest, address: Address) => HttpReply | Promise<HttpReply>;
type OnResource = (request: HttpRequest, address: NamedAddress) => HttpReply | Promise<HttpReply>;

/** The paths of all served kinds; what they do not know is answered with a Status. */
export function createResourceEndpoints(options: ResourceHandlersOptions): Endpoints {
  const handlers = new ResourceHandlers(options);
  const list: OnCollection = (request, address) => handlers.list(request, address);
  const create: OnCollection = (request, address) =>
    address.served.namespaced && address.namespace === undefined ? methodNotAllowed(["GET"]) : handlers.create(request, address);
  const collection: Endpoint = { GET: onCollection(list), POST: onCollection(create), subject };
  const get: OnResource = (request, address) => handlers.get(request, address);
  const resource: Endpoint = {
    GET: onResource(get),
    PUT: onResource((request, address) => handlers.replace(request, address)),
    PATCH: onResource((request, address) => handlers.patch(request, address)),
    DELETE: onResource((request, address) => handlers.delete(request, address)),
    target,
    subject,
  };
  const whole = onResource(get);
  const subresource: Endpoint = {
    GET: (request) => (request.params.subresource === "status" ? whole(request) : unknownResource()),
    ...Object.fromEntries((["PUT", "PATCH"] satisfies HttpMethod[]).map((method) => [method, refuseStatus])),
    target,
    subject,
  };
  return {
    "/apis/{group}/{version}/namespaces/{namespace}/{plural}": collection,
    "/apis/{group}/{version}/namespaces/{namespace}/{plural}/{name}": resource,
    "/apis/{group}/{version}/namespaces/{namespace}/{plural}/{name}/{subresource}": subresource,
    "/apis/{group}/{version}/{plural}": collection,
    "/apis/{group}/{version}/{plural}/{name}": resource,
    "/apis/{group}/{version}/{plural}/{name}/{subresource}": subresource,
  };
}

function onCollection(handle: OnCollection): (request: HttpRequest) => HttpReply | Promise<HttpReply> {
  return (request) => {
    const served = servedBy(request);
    const { namespace } = request.params;
    if (served === undefined || (namespace !== undefined && !served.namespaced)) return unknownResource();
    if (namespace !== undefined) assertNamespace(namespace);
    return handle(request, { served, namespace });
  };
}

function onResource(handle: OnResource): (request: HttpRequest) => HttpReply | Promise<HttpReply> {
  return (request) => {
    const served = servedBy(request);
    const { namespace, name = "" } = request.params;
    if (served === undefined || (namespace !== undefined) !== served.namespaced) return unknownResource();
    if (namespace !== undefined) assertNamespace(namespace);
    assertName(name);
    return handle(request, { served, namespace, name });
  };
}

/** A runtime belongs to no model alone. */
function target({ params: { group, plural, namespace, name } }: Pick<HttpHead, "params">): Pick<Target, "namespace" | "name"> | undefined {
  if (group !== GROUP || plural !== "inferenceservices" || namespace === undefined || name === undefined) return undefined;
  return { namespace, name };
}

/** A status is what the server knows; clients only read it. */
function refuseStatus(request: HttpRequest): HttpReply {
  return servedBy(request) !== undefined && request.params.subresource === "status" ? methodNotAllowed(["GET"]) : unknownResource();
}

function servedBy({ params }: HttpRequest): ServedKind | undefined {
  if (params.group !== GROUP) return undefined;
  return SERVED_KINDS.find(({ version, plural }) => version === params.version && plural === params.plural);
}

function subject(request: HttpRequest): Subject | undefined {
  const served = servedBy(request);
  if (served === undefined) return undefined;
  return { kind: served.kind, plural: served.plural, group: GROUP, name: request.params.name ?? nameInBody(request) };
}

/** For the error about a resource that is to be created. */
function nameInBody({ body }: HttpRequest): string | undefined {
  try {
    const document = parseJson(body);
    const metadata = isObject(document) ? document.metadata : undefined;
    return isObject(metadata) && typeof metadata.name === "string" ? metadata.name : undefined;
  } catch {
    return undefined;
  }
}
