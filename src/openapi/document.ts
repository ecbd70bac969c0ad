import { z } from "zod";
import type { Access } from "../core/access.ts";
import type { Route } from "../core/http.ts";
import { kserveV1, mlflow } from "./kserve-v1.ts";
import { kubeApi } from "./kube-api.ts";
import { models, operations } from "./nitrous.ts";
import { oip } from "./oip.ts";
import { openAi } from "./openai.ts";
import { type Contents, json, keyOf, names, type Operation, type Protocol } from "./operation.ts";
import { torchserve } from "./torchserve.ts";
import { plainError, unknownPath } from "./wire.ts";

const PROTOCOLS: readonly Protocol[] = [operations, models, kserveV1, oip, openAi, torchserve, mlflow, kubeApi];

/** A part of a path with a colon is no parameter: what is behind it is a verb. */
const IN_PATH = { type: "string", pattern: "^[^:/]+$" };

type Json = { readonly [key: string]: unknown };

/** OpenAPI 3.1 (spec.openapis.org/oas/v3.1.1), as far as it is made here. */
export interface OpenApiDocument extends Json {
  readonly openapi: "3.1.1";
  readonly paths: Readonly<Record<string, Readonly<Record<string, Json>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Json>>; readonly securitySchemes: Json };
}

export interface DocumentOptions {
  /** This server's own. */
  readonly version: string;
  /** Where all paths are found a second time. */
  readonly prefix: string;
}

/**
 * Describes every route that does anything: those that only answer that a path does not take a method are left out, as OpenAPI does.
 * @throws Error for a route that no protocol describes, and for what is described and is no route
 */
export function createDocument(routes: readonly Route[], { version, prefix }: DocumentOptions): OpenApiDocument {
  const served = routes.filter(({ refuses }) => refuses !== true);
  assertSame(new Set(served.map(keyOf)), new Set(PROTOCOLS.flatMap((protocol) => Object.keys(protocol.operations))));
  const schemas = new Schemas();
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of served) {
    const protocol = PROTOCOLS.find((candidate) => Object.hasOwn(candidate.operations, keyOf(route))) as Protocol;
    const operation = protocol.operations[keyOf(route)] as Operation;
    const path = paths[route.path] ?? {};
    path[route.method.toLowerCase()] = described(route, operation, protocol, schemas);
    paths[route.path] = path;
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "nitrous",
      version,
      summary: "An inference server for any model on one machine.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [
      { url: "/" },
      {
        url: prefix,
        description: "All paths again, for one service.",
        variables: { namespace: { default: "default" }, service: { default: "iris" } },
      },
    ],
    tags: PROTOCOLS.map(({ tag }) => ({ name: tag })),
    paths,
    components: {
      schemas: schemas.all,
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        apiKey: { type: "apiKey", in: "header", name: "X-API-Key" },
      },
    },
  };
}

function assertSame(routes: ReadonlySet<string>, described: ReadonlySet<string>): void {
  const missing = [...routes].filter((key) => !described.has(key));
  const superfluous = [...described].filter((key) => !routes.has(key));
  if (missing.length + superfluous.length === 0) return;
  throw new Error(`routes that src/openapi does not describe: [${missing}]; described, and no routes: [${superfluous}]`);
}

function described({ method, path, access }: Route, operation: Operation, { tag, error }: Protocol, schemas: Schemas): Json {
  const { summary, query = {}, body, answers } = operation;
  const failure = (description: string, schema: z.ZodType): Json => ({ description, content: schemas.contents(json(schema), "output") });
  const failed = failure("What was wrong", error);
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({ name, in: "path", required: true, schema: IN_PATH }));
  const inQuery = Object.entries(query).map(([name, schema]) => ({ name, in: "query", schema: schemas.of(schema, "input") }));
  return {
    summary,
    tags: [tag],
    operationId: operationId(method, path),
    ...(inPath.length + inQuery.length === 0 ? {} : { parameters: [...inPath, ...inQuery] }),
    ...(body === undefined ? {} : { requestBody: { required: body.required, content: schemas.contents(body.contents, "input") } }),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, contents]) => [
          status,
          {
            description: describe(Number(status)),
            ...(Object.keys(contents).length === 0 ? {} : { content: schemas.contents(contents, "output") }),
          },
        ]),
      ),
      ...(error === plainError ? {} : { "400": failure("A bad request, of the protocol or of HTTP itself", z.union([error, plainError])) }),
      ...(inPath.length === 0 ? {} : { "404": failure("There is no such thing, or no such path", z.union([error, unknownPath])) }),
      "4XX": failed,
      "5XX": failed,
    },
    security: securityOf(access),
  };
}

function describe(status: number): string {
  return status === 202 ? "Begun" : status < 300 ? "Done" : "Not ready";
}

function securityOf(access: Access): readonly Json[] {
  return access === "public" ? [] : [{ bearer: [access] }, { apiKey: [access] }];
}

/** `GET /v2/models/{model}/infer` is `get_v2_models_model_infer`. */
function operationId(method: string, path: string): string {
  const slash = path.length > 1 && path.endsWith("/") ? "_" : "";
  return `${method.toLowerCase()}_${path.replace(/[{}]/g, "").split(/[/:.]/).filter(Boolean).join("_")}${slash}`;
}

/** Named schemas once, and references to them wherever they are used. */
class Schemas {
  readonly #all: Record<string, Json> = {};

  get all(): Readonly<Record<string, Json>> {
    return Object.fromEntries(Object.entries(this.#all).sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  contents(contents: Contents, direction: "input" | "output"): Json {
    return Object.fromEntries(
      Object.entries(contents).map(([type, schema]) => [type, schema === undefined ? {} : { schema: this.of(schema, direction) }]),
    );
  }

  of(schema: z.ZodType, direction: "input" | "output"): Json {
    const { $schema: _, $defs = {}, id: __, ...converted } = z.toJSONSchema(schema, { io: direction, metadata: names }) as Json;
    for (const [name, definition] of Object.entries($defs as Readonly<Record<string, Json>>)) this.#add(name, definition);
    const name = names.get(schema)?.id;
    if (name === undefined) return referring(converted);
    this.#add(name, converted);
    return { $ref: `#/components/schemas/${name}` };
  }

  #add(name: string, { id: _, ...definition }: Json): void {
    this.#all[name] ??= referring(definition);
  }
}

function referring(schema: Json): Json {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/')) as Json;
}
