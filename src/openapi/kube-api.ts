import { z } from "zod";
import { SCOPES } from "../core/access.ts";
import { at, type Contents, json, named, type Operation, type Protocol, question, request } from "./operation.ts";
import { flag, object, text } from "./wire.ts";

const status = named(
  "Status",
  z.object({
    kind: z.literal("Status"),
    apiVersion: z.literal("v1"),
    metadata: object,
    status: z.enum(["Success", "Failure"]),
    message: text.optional(),
    reason: text.optional(),
    details: z
      .object({
        name: text.optional(),
        group: text.optional(),
        kind: text.optional(),
        uid: text.optional(),
        causes: z.array(z.object({ reason: text, message: text, field: text })).optional(),
      })
      .optional(),
    code: z.int(),
  }),
);

const metadata = z.looseObject({
  name: text,
  namespace: text.optional(),
  resourceVersion: text.optional(),
  labels: z.record(text, text).optional(),
});
const resource = named(
  "Resource",
  z.looseObject({ apiVersion: text, kind: text, metadata, spec: object.optional(), status: object.optional() }),
);
const table = named(
  "Table",
  z.object({
    kind: z.literal("Table"),
    apiVersion: text,
    metadata: object,
    columnDefinitions: z.array(z.object({ name: text, type: text, format: text, description: text, priority: z.int() })),
    rows: z.array(z.object({ cells: z.array(z.union([text, z.number(), flag, z.null()])), object: object.optional() })),
  }),
);
const list = named("ResourceList", z.object({ apiVersion: text, kind: text, metadata: object, items: z.array(resource) }));
const watched = named("WatchEvent", z.object({ type: z.enum(["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]), object }));

/** A watch sends one event a line under the same media type. */
const listed: Contents = json(z.union([list, table, watched]));
const one = z.union([resource, table]);
const selection = { labelSelector: text, fieldSelector: text, watch: flag, timeoutSeconds: z.int().min(0), resourceVersion: text };
const trial = { dryRun: z.literal("All"), fieldValidation: z.enum(["Ignore", "Warn", "Strict"]) };

const wish = named("NewResource", z.looseObject({ apiVersion: text, kind: text, metadata: object, spec: object.optional() }));
const wishes: Contents = { ...json(wish), "application/yaml": undefined };
const patches: Contents = {
  "application/merge-patch+json": object,
  "application/strategic-merge-patch+json": object,
  "application/json-patch+json": z.array(object),
  "application/apply-patch+yaml": undefined,
};

const select = (summary: string): Operation => ({ summary, query: selection, answers: { 200: listed } });
const changed = json(one);

const BELOW = "/apis/{group}/{version}";
const COLLECTIONS = [`${BELOW}/namespaces/{namespace}/{plural}`, `${BELOW}/{plural}`];
const RESOURCES = COLLECTIONS.map((path) => `${path}/{name}`);
const UNKNOWN = [
  "/api/v1/{plural}",
  "/api/v1/{plural}/{name}",
  "/api/v1/namespaces/{namespace}/{plural}",
  "/api/v1/namespaces/{namespace}/{plural}/{name}",
];
const discovery = (summary: string): Operation => question(summary, object);

const key = named(
  "Key",
  z.object({
    name: text,
    scopes: z.array(z.enum(SCOPES)),
    models: z.array(text),
    created: text,
    expires: text.optional(),
    rate: text.optional(),
  }),
);
const keyWish = named(
  "NewKey",
  z.object({
    name: text,
    scopes: z.array(text),
    models: z.array(text).optional(),
    expires: z.number().optional(),
    rate: text.optional(),
  }),
);
const revisions = named("Revisions", z.object({ revisions: z.array(z.looseObject({ generation: z.int() })) }));

export const kubeApi: Protocol = {
  tag: "Control API in Kubernetes' shape",
  error: status,
  operations: {
    ...at("GET", ["/version", "/version/"], discovery("Kubernetes' release whose shapes these are")),
    ...at("GET", ["/api", "/api/", "/api/v1", "/apis", "/apis/", "/apis/{group}", BELOW], discovery("What is served")),
    "GET /openapi/v2": {
      summary: "For kubectl",
      answers: { 200: { ...json(object), "application/com.github.proto-openapi.spec.v2.v1.0+protobuf": undefined } },
    },
    ...at("GET", ["/openapi/v3", "/openapi/v3/apis/{group}/{version}"], discovery("For kubectl")),
    "GET /api/v1/namespaces": select("Namespaces that resources are in"),
    "POST /api/v1/namespaces": { summary: "Refused: a namespace exists as soon as a resource is in it", answers: {} },
    "GET /api/v1/namespaces/{name}": question("One namespace", one),
    ...at("GET", ["/api/v1/events", "/api/v1/namespaces/{namespace}/events"], select("Events")),
    "GET /api/v1/namespaces/{namespace}/events/{name}": question("One event", one),
    ...at("GET POST PUT PATCH DELETE", UNKNOWN, { summary: "Not found: nothing else of the core group is served", answers: {} }),
    ...at("GET", COLLECTIONS, select("Resources of one kind")),
    ...at("POST", COLLECTIONS, {
      summary: "Create a resource",
      query: trial,
      body: { required: true, contents: wishes },
      answers: { 200: changed, 201: changed },
    }),
    ...at("GET", RESOURCES, question("One resource", one)),
    ...at("PUT", RESOURCES, {
      summary: "Replace a resource",
      query: trial,
      body: { required: true, contents: wishes },
      answers: { 200: changed, 201: changed },
    }),
    ...at("PATCH", RESOURCES, {
      summary: "Change a resource, or apply it",
      query: trial,
      body: { required: true, contents: patches },
      answers: { 200: changed, 201: changed },
    }),
    ...at("DELETE", RESOURCES, {
      summary: "Delete a resource",
      query: { dryRun: trial.dryRun },
      answers: { 200: json(z.union([status, resource])) },
    }),
    ...at(
      "GET",
      RESOURCES.map((path) => `${path}/{subresource}`),
      question("The status of a resource, within the whole of it", one),
    ),
    ...at(
      "PUT PATCH",
      RESOURCES.map((path) => `${path}/{subresource}`),
      { summary: "Refused: a status is what the server knows", answers: {} },
    ),
    "GET /nitrous/namespaces/{namespace}/models/{name}/logs": {
      summary: "What the hosts of a model print",
      query: { tailLines: z.int().min(0), follow: flag },
      answers: { 200: { "text/plain": undefined } },
    },
    "GET /nitrous/namespaces/{namespace}/inferenceservices/{name}/revisions": question("What became of a service's revisions", revisions),
    "GET /nitrous/keys": question("Keys, without their secrets", z.object({ keys: z.array(key) })),
    "POST /nitrous/keys": { ...request("Create a key", keyWish, key), answers: { 201: json(z.object({ key, token: text })) } },
    "DELETE /nitrous/keys/{name}": question("Revoke a key", status),
  },
};
