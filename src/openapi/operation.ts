import { z } from "zod";
import type { Route } from "../core/http.ts";

/** What one media type holds; undefined for bytes and text that no schema says more of. */
export type Contents = Readonly<Record<string, z.ZodType | undefined>>;

/** One route in the document, besides the errors that all of its protocol have. */
export interface Operation {
  readonly summary: string;
  /** Parameters of the query by their names; none is needed. */
  readonly query?: Readonly<Record<string, z.ZodType>>;
  /** Without it the route reads no body. */
  readonly body?: { readonly required: boolean; readonly contents: Contents };
  /** By status; an empty body has no contents. */
  readonly answers: Readonly<Record<number, Contents>>;
}

/** By method and path, as `GET /v2`. */
export type Operations = Readonly<Record<string, Operation>>;

export interface Protocol {
  /** The heading of its operations. */
  readonly tag: string;
  readonly operations: Operations;
  /** Body of everything that fails. */
  readonly error: z.ZodType;
}

/** Schemas that the document has once, under their names. */
export const names = z.registry<{ id: string }>();

export function named<Schema extends z.ZodType>(id: string, schema: Schema): Schema {
  names.add(schema, { id });
  return schema;
}

export const keyOf = ({ method, path }: Pick<Route, "method" | "path">): string => `${method} ${path}`;

export const json = (schema: z.ZodType): Contents => ({ "application/json": schema });

/** Answers of models that stream, beside the one of others. */
export const streamed = (schema: z.ZodType): Contents => ({
  ...json(schema),
  "application/x-ndjson": undefined,
  "text/event-stream": undefined,
});

/** A question without a body. */
export const question = (summary: string, answer: z.ZodType, more: Partial<Operation> = {}): Operation => ({
  summary,
  answers: { 200: json(answer) },
  ...more,
});

/** A request with a JSON body. */
export const request = (summary: string, body: z.ZodType, answer: z.ZodType, more: Partial<Operation> = {}): Operation => ({
  ...question(summary, answer),
  body: { required: true, contents: json(body) },
  ...more,
});

/** The same operation at several places, and by several methods such as `POST PUT`. */
export const at = (methods: string, paths: readonly string[], operation: Operation): Operations =>
  Object.fromEntries(methods.split(" ").flatMap((method) => paths.map((path) => [`${method} ${path}`, operation])));

/** Of a model, and of one version of it. */
export const ofModel = (prefix: string, suffix: string): readonly string[] => [
  `${prefix}/{model}${suffix}`,
  `${prefix}/{model}/versions/{version}${suffix}`,
];
