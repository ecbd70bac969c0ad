import type { Clock } from "../../core/clock.ts";
import { ServeError } from "../../core/errors.ts";
import type { HttpReply, HttpRequest } from "../../core/http.ts";
import type { JsonValue } from "../../core/inference.ts";
import type { ChangeOptions, Preconditions, Resources, ResourceView } from "../../core/planes.ts";
import { isObject, type JsonObject } from "../shared/index.ts";
import { JSON_TYPE, mediaType, type ReadYaml, readJson, readObject, YAML_TYPE } from "./body.ts";
import { COLUMNS } from "./columns.ts";
import { jsonPatch } from "./json-patch.ts";
import { mergePatch } from "./merge-patch.ts";
import { objectReply, type Presenter, presenterFor } from "./presenter.ts";
import { selectedEvents } from "./selected-events.ts";
import { selectorOf } from "./selectors.ts";
import { apiVersionOf, GROUP, type ServedKind } from "./served-kinds.ts";
import { deletedReply, unsupportedMediaType } from "./status.ts";
import { wantsWatch, watchReply } from "./watch.ts";

/** What an address names: a collection, or with a name one resource. */
export interface Address {
  readonly served: ServedKind;
  /** Undefined for cluster-scoped kinds, and for a kind in all namespaces. */
  readonly namespace: string | undefined;
}

export interface NamedAddress extends Address {
  readonly name: string;
}

export interface ResourceHandlersOptions {
  readonly resources: Resources;
  readonly clock: Clock;
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  readonly readYaml: ReadYaml;
}

const PATCHES = new Map([
  ["application/json-patch+json", jsonPatch],
  ["application/merge-patch+json", mergePatch],
]);
const FIELDS = {
  "metadata.name": ({ metadata }: ResourceView): string => metadata.name,
  "metadata.namespace": ({ metadata }: ResourceView): string => metadata.namespace ?? "",
};

/** The verbs of Kubernetes on the resources of this server. All throw ServeError. */
export class ResourceHandlers {
  readonly #resources: Resources;
  readonly #clock: Clock;
  readonly #wallClock: () => number;
  readonly #readYaml: ReadYaml;

  constructor({ resources, clock, wallClock, readYaml }: ResourceHandlersOptions) {
    this.#resources = resources;
    this.#clock = clock;
    this.#wallClock = wallClock;
    this.#readYaml = readYaml;
  }

  list(request: HttpRequest, address: Address): HttpReply {
    if (wantsWatch(request.query)) return this.#watch(request, address);
    const selector = selectorOf<ResourceView>(request.query, FIELDS);
    const { resourceVersion, items } = this.#resources.list(address.served.kind, address.namespace);
    return objectReply(this.#present(request, address).list(resourceVersion, items.filter(selector.matches)));
  }

  get(request: HttpRequest, address: NamedAddress): HttpReply {
    return objectReply(this.#present(request, address).one(this.#resources.get(keyOf(address))));
  }

  async create(request: HttpRequest, address: Address): Promise<HttpReply> {
    if (!isDocumentType(request)) return unsupportedMediaType([JSON_TYPE, YAML_TYPE]);
    const { served, namespace } = address;
    const document = placed(readObject(request, this.#readYaml), namespace);
    const created = await this.#resources.create({ kind: served.kind, namespace }, document, changeOptions(request));
    return objectReply(this.#present(request, address).one(created), 201);
  }

  async replace(request: HttpRequest, address: NamedAddress): Promise<HttpReply> {
    if (!isDocumentType(request)) return unsupportedMediaType([JSON_TYPE, YAML_TYPE]);
    const document = placed(readObject(request, this.#readYaml), address.namespace);
    const replaced = await this.#resources.replace(keyOf(address), () => document, changeOptions(request));
    return objectReply(this.#present(request, address).one(replaced));
  }

  async patch(request: HttpRequest, address: NamedAddress): Promise<HttpReply> {
    const apply = PATCHES.get(mediaType(request));
    if (apply === undefined) return unsupportedMediaType([...PATCHES.keys()]);
    const patch = readJson(request);
    const next = (present: ResourceView): unknown => {
      const document = apply(present as unknown as JsonValue, patch);
      return isObject(document) ? placed(document, address.namespace) : document;
    };
    const patched = await this.#resources.replace(keyOf(address), next, changeOptions(request));
    return objectReply(this.#present(request, address).one(patched));
  }

  async delete(request: HttpRequest, address: NamedAddress): Promise<HttpReply> {
    const given = request.body.byteLength === 0 ? {} : readObject(request, this.#readYaml);
    const { dryRun } = given;
    const options = Array.isArray(dryRun) && dryRun.includes("All") ? { dryRun: true } : changeOptions(request);
    const deleted = await this.#resources.delete(keyOf(address), preconditionsOf(given), options);
    const { kind, plural } = address.served;
    return deletedReply({ kind, plural, group: GROUP, name: address.name }, deleted.metadata.uid);
  }

  #watch(request: HttpRequest, address: Address): HttpReply {
    const { served, namespace } = address;
    const selector = selectorOf<ResourceView>(request.query, FIELDS);
    const since = request.query.get("resourceVersion") ?? "";
    const fromStart = since === "" || since === "0";
    const { items } = this.#resources.list(served.kind, namespace);
    // What has not changed since the client listed is known to it, and what did not match is known not to be.
    const unmatched = items.filter((item) => Number(item.metadata.resourceVersion) <= Number(since) && !selector.matches(item));
    return watchReply<ResourceView>({
      request,
      clock: this.#clock,
      begin: (signal) =>
        selectedEvents(this.#resources.watch(served.kind, namespace, fromStart ? undefined : since, signal), selector, unmatched),
      present: this.#present(request, address).next,
    });
  }

  #present(request: HttpRequest, { served }: Address): Presenter<ResourceView> {
    const kind = { apiVersion: apiVersionOf(served), kind: served.kind, columns: COLUMNS[served.kind] };
    return presenterFor(request, kind, this.#wallClock);
  }
}

function keyOf({ served, namespace, name }: NamedAddress): { kind: ServedKind["kind"]; namespace: string | undefined; name: string } {
  return { kind: served.kind, namespace, name };
}

/** The document with the namespace of its address where it names none, and without its status, which the server writes. */
function placed({ status, ...document }: JsonObject, namespace: string | undefined): JsonObject {
  const { metadata } = document;
  if (namespace === undefined || !isObject(metadata) || (metadata.namespace ?? "") !== "") return document;
  return { ...document, metadata: { ...metadata, namespace } };
}

function isDocumentType(request: HttpRequest): boolean {
  return [JSON_TYPE, YAML_TYPE].includes(mediaType(request));
}

function changeOptions({ query }: HttpRequest): ChangeOptions {
  const dryRun = query.get("dryRun") ?? "";
  if (dryRun !== "" && dryRun !== "All") {
    throw new ServeError("INVALID_ARGUMENT", `dryRun is '${dryRun}'; the only value is All`);
  }
  return { dryRun: dryRun === "All" };
}

/** The `preconditions` of DeleteOptions. */
function preconditionsOf({ preconditions }: JsonObject): Preconditions {
  if (!isObject(preconditions)) return {};
  const { uid, resourceVersion } = preconditions;
  return {
    ...(typeof uid === "string" ? { uid } : {}),
    ...(typeof resourceVersion === "string" ? { resourceVersion } : {}),
  };
}
