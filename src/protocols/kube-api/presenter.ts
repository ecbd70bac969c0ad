import type { HttpReply, HttpRequest } from "../../core/http.ts";
import { jsonReply, writeJson } from "../shared/index.ts";
import { type Column, type KubeObject, table, tableFormat } from "./table.ts";

/** Objects of one kind as one client wants them: as they are, or as tables. */
export interface Presenter<Item> {
  one(item: Item): object;
  list(resourceVersion: string, items: readonly Item[]): object;
  /** One object of a watch; only the first table of a watch defines its columns. */
  next(item: Item): object;
}

export interface PresentedKind<Item> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly columns: readonly Column<Item>[];
}

/** `now` in milliseconds since 1970. */
export function presenterFor<Item extends KubeObject>(
  request: Pick<HttpRequest, "headers" | "query">,
  { apiVersion, kind, columns }: PresentedKind<Item>,
  now: () => number,
): Presenter<Item> {
  const format = tableFormat(request);
  if (format === undefined) {
    const list = (resourceVersion: string, items: readonly Item[]): object => ({
      apiVersion,
      kind: `${kind}List`,
      metadata: { resourceVersion },
      items,
    });
    return { one: (item) => item, list, next: (item) => item };
  }
  let withDefinitions = true;
  const tableOf = (items: readonly Item[], resourceVersion: string | undefined): object =>
    table({ format, columns, items, resourceVersion, now: now(), withDefinitions });
  return {
    one: (item) => tableOf([item], item.metadata.resourceVersion),
    list: (resourceVersion, items) => tableOf(items, resourceVersion),
    next(item) {
      const object = tableOf([item], item.metadata.resourceVersion);
      withDefinitions = false;
      return object;
    },
  };
}

export function objectReply(object: object, status = 200): HttpReply {
  return jsonReply(writeJson(object as never), status);
}
