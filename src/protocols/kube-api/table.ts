import type { HttpRequest } from "../../core/http.ts";

/** What every object of the API has. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly resourceVersion?: string;
    readonly creationTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
}

export type Cell = string | number | boolean | null;

export interface Column<Item> {
  readonly name: string;
  readonly type: "string" | "boolean" | "integer" | "date";
  readonly format?: "name";
  readonly description: string;
  /** 0, the default, is always shown; others only in wide tables. */
  readonly priority?: number;
  /** `now` in milliseconds since 1970. */
  readonly cell: (item: Item, now: number) => Cell;
}

/** How much of each object comes with its row: all of it, its metadata (the default) or nothing. */
type IncludedObject = "Object" | "Metadata" | "None";

export interface TableFormat {
  readonly apiVersion: string;
  readonly include: IncludedObject;
}

/**
 * The table that a client asks for in its Accept header before any plain JSON, as kubectl does; undefined when it wants objects.
 */
export function tableFormat({ headers, query }: Pick<HttpRequest, "headers" | "query">): TableFormat | undefined {
  for (const range of String(headers.accept ?? "").split(",")) {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
    if (type !== "application/json") continue;
    const given = new URLSearchParams(parameters.join("&"));
    const version = given.get("v") ?? "";
    if (!given.has("as")) return undefined;
    if (given.get("as") !== "Table" || given.get("g") !== "meta.k8s.io" || !["v1", "v1beta1"].includes(version)) continue;
    const include = query.get("includeObject");
    return { apiVersion: `meta.k8s.io/${version}`, include: include === "Object" || include === "None" ? include : "Metadata" };
  }
  return undefined;
}

export interface TableOptions<Item> {
  readonly format: TableFormat;
  readonly columns: readonly Column<Item>[];
  readonly items: readonly Item[];
  readonly resourceVersion: string | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** False for the later tables of a watch. */
  readonly withDefinitions?: boolean;
}

/** Kubernetes' `Table` (apimachinery, pkg/apis/meta/v1/types.go). */
export function table<Item extends KubeObject>({
  format,
  columns,
  items,
  resourceVersion,
  now,
  withDefinitions = true,
}: TableOptions<Item>): object {
  return {
    kind: "Table",
    apiVersion: format.apiVersion,
    metadata: resourceVersion === undefined ? {} : { resourceVersion },
    columnDefinitions: withDefinitions
      ? columns.map(({ name, type, format: kindOfText = "", description, priority = 0 }) => ({
          name,
          type,
          format: kindOfText,
          description,
          priority,
        }))
      : [],
    rows: items.map((item) => ({
      cells: columns.map(({ cell }) => cell(item, now)),
      ...(format.include === "None" ? {} : { object: format.include === "Object" ? item : partial(item, format) }),
    })),
  };
}

function partial({ metadata }: KubeObject, { apiVersion }: TableFormat): object {
  return { kind: "PartialObjectMetadata", apiVersion, metadata };
}
