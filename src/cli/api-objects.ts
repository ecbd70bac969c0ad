import { z } from "zod";
import { closestNames } from "../core/closest.ts";
import { type Client, type Query, RefusedError } from "./client.ts";
import { CliError } from "./errors.ts";
import { closestKinds, type Kind, pathOf, resourceInWords } from "./kinds.ts";

const texts = z.record(z.string(), z.string());
const apiObject = z.looseObject({
  apiVersion: z.string().optional(),
  kind: z.string().optional(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    uid: z.string().optional(),
    generation: z.number().optional(),
    resourceVersion: z.string().optional(),
    creationTimestamp: z.string().optional(),
    labels: texts.optional(),
    annotations: texts.optional(),
  }),
  spec: z.record(z.string(), z.unknown()).optional(),
  status: z.unknown().optional(),
});

/** A resource as the server shows it, its keys in the server's order. */
export type ApiObject = z.infer<typeof apiObject>;

const apiList = z.looseObject({
  metadata: z.looseObject({ resourceVersion: z.string().optional() }).optional(),
  items: z.array(z.unknown()),
});
const watchEvent = z.object({ type: z.string(), object: z.unknown() });
const gone = z.object({ code: z.number().optional(), message: z.string().optional() });

export interface ApiList {
  readonly resourceVersion: string | undefined;
  readonly items: readonly ApiObject[];
}

export interface ApiChange {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: ApiObject;
}

/** @throws CliError for what is no resource */
export function toApiObject(value: unknown): ApiObject {
  if (!apiObject.safeParse(value).success) throw new CliError("the server's answer is not a resource; is it another version of nitrous?");
  return value as ApiObject;
}

/** Every resource of a kind; without a namespace, of all namespaces. */
export async function listObjects(client: Client, kind: Kind, namespace: string | undefined, query: Query = {}): Promise<ApiList> {
  return parseList(await client.send("GET", pathOf(kind, namespace), query));
}

/** @throws RefusedError 404 that names what is near */
export async function getObject(client: Client, kind: Kind, namespace: string, name: string): Promise<ApiObject> {
  try {
    return toApiObject(await client.send("GET", pathOf(kind, namespace, name)));
  } catch (error) {
    throw isNotFound(error) ? await notFound(client, kind, namespace, name) : error;
  }
}

/** The same; undefined when there is none. */
export async function findObject(client: Client, kind: Kind, namespace: string, name: string): Promise<ApiObject | undefined> {
  try {
    return toApiObject(await client.send("GET", pathOf(kind, namespace, name)));
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Somebody applied it. What nitrous brings and what the command line names was never created, and cannot be deleted. */
export function isApplied({ metadata: { creationTimestamp } }: ApiObject): boolean {
  return creationTimestamp === undefined || Date.parse(creationTimestamp) !== 0;
}

export function isNotFound(error: unknown): boolean {
  return error instanceof RefusedError && error.status === 404;
}

/** Says that there is no such resource, and which name or kind was perhaps meant. */
export async function notFound(client: Client, kind: Kind, namespace: string, name: string): Promise<RefusedError> {
  const { items } = await listObjects(client, kind, undefined).catch((): ApiList => ({ resourceVersion: undefined, items: [] }));
  const near = items.filter(({ metadata }) => !kind.namespaced || metadata.namespace === namespace).map(({ metadata }) => metadata.name);
  const elsewhere = items.filter(({ metadata }) => kind.namespaced && metadata.name === name).map(({ metadata }) => metadata.namespace);
  const [closest] = closestNames(name, near);
  const [word] = closestKinds(name);
  const hints = [
    ...(elsewhere.length > 0 ? [`there is one in namespace ${elsewhere.join(", ")} (-n ${elsewhere[0]})`] : []),
    ...(closest === undefined ? [] : [`did you mean ${closest}?`]),
    ...(closest === undefined && word !== undefined ? [`did you mean the kind ${word}?`] : []),
  ];
  const message = [`there is no ${resourceInWords(kind, namespace, name)}`, ...hints].join("; ");
  return new RefusedError(404, "NotFound", message, []);
}

/** The server forgot the version that a watch began at: list again. */
class WatchExpiredError extends CliError {}

/**
 * Changes after a version of the list, until the signal.
 * @throws WatchExpiredError; CliError when the server ends it
 */
export async function* watchObjects(
  client: Client,
  path: string,
  query: Query,
  signal: AbortSignal,
): AsyncGenerator<{ readonly type: ApiChange["type"]; readonly object: unknown }> {
  try {
    for await (const line of client.lines(path, { ...query, watch: "1" }, signal)) {
      if (line.trim() === "") continue;
      const { type, object } = watchEvent.parse(JSON.parse(line));
      if (type === "ERROR") throw watchFailed(object);
      if (type === "ADDED" || type === "MODIFIED" || type === "DELETED") yield { type, object };
    }
  } catch (error) {
    if (error instanceof RefusedError && error.status === 410) throw new WatchExpiredError(error.message);
    throw error;
  }
  if (!signal.aborted) throw new CliError(`the server at ${client.server} has ended the watch`);
}

/**
 * What there is and then every change of it, listing again whenever the server has forgotten where this was. A list after the first
 * comes as changes too, so a deletion that falls between is not told.
 */
export async function* followObjects(
  client: Client,
  path: string,
  query: Query,
  signal: AbortSignal,
): AsyncGenerator<{ readonly list: ApiList } | { readonly change: ApiChange }> {
  for (;;) {
    const list = parseList(await client.send("GET", path, query));
    yield { list };
    try {
      const since = list.resourceVersion;
      for await (const { type, object } of watchObjects(client, path, { ...query, resourceVersion: since }, signal)) {
        yield { change: { type, object: toApiObject(object) } };
      }
      return;
    } catch (error) {
      if (!(error instanceof WatchExpiredError)) throw error;
    }
  }
}

function parseList(value: unknown): ApiList {
  const parsed = apiList.safeParse(value);
  if (!parsed.success) throw new CliError("the server's answer is not a list; is it another version of nitrous?");
  const { metadata, items } = parsed.data;
  return { resourceVersion: metadata?.resourceVersion, items: items.map(toApiObject) };
}

function watchFailed(object: unknown): CliError {
  const { code, message = "the server has ended the watch" } = gone.catch({}).parse(object);
  return code === 410 ? new WatchExpiredError(message) : new CliError(message);
}
