import type { HttpReply, HttpRequest } from "../../core/http.ts";
import type { Endpoints } from "./endpoint.ts";
import { objectReply } from "./presenter.ts";
import { apiVersionOf, GROUP, SERVED_KINDS, type ServedKind, VERSIONS } from "./served-kinds.ts";
import { unknownResource } from "./status.ts";

/** Clients ask for `v2@v1.0`, which is not a media type; this is what Kubernetes answers. */
const PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/**
 * Enough of OpenAPI for kubectl: that changes can be tried with `dryRun` and that their fields are checked here. It names no fields,
 * so older ones check nothing themselves.
 */
export function createOpenApiEndpoints(version: string): Endpoints {
  const info = { title: "nitrous", version };
  return {
    "/openapi/v2": { GET: (request) => version2Reply(request, info) },
    "/openapi/v3": {
      GET: () => objectReply({ paths: Object.fromEntries(VERSIONS.map((name) => [`apis/${GROUP}/${name}`, linkTo(name)])) }),
    },
    "/openapi/v3/apis/{group}/{version}": {
      GET({ params }) {
        const served = SERVED_KINDS.filter((kind) => kind.version === params.version);
        if (params.group !== GROUP || served.length === 0) return unknownResource();
        return objectReply(version3Document(served, info));
      },
    },
  };
}

function linkTo(version: string): object {
  return { serverRelativeURL: `/openapi/v3/apis/${GROUP}/${version}` };
}

interface Info {
  readonly title: string;
  readonly version: string;
}

function version2Reply({ headers }: HttpRequest, info: Info): HttpReply {
  if (!String(headers.accept ?? "").includes("protobuf")) return objectReply({ swagger: "2.0", info, paths: {} });
  // Fields 1 and 2 of the Document, and of its Info, in gnostic's OpenAPIv2.proto.
  const body = Buffer.concat([
    field(1, Buffer.from("2.0")),
    field(2, Buffer.concat([field(1, Buffer.from(info.title)), field(2, Buffer.from(info.version))])),
  ]);
  return { status: 200, headers: { "Content-Type": PROTOBUF }, body };
}

/** A length-delimited field of fewer than 128 bytes. */
function field(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.of((number << 3) | 2, bytes.byteLength), bytes]);
}

function version3Document(served: readonly ServedKind[], info: Info): object {
  return {
    openapi: "3.0.0",
    info,
    paths: Object.fromEntries(served.map((kind) => [pathOf(kind), operations(kind)])),
    components: { schemas: Object.fromEntries(served.map((kind) => [`io.kserve.serving.${kind.version}.${kind.kind}`, schemaOf(kind)])) },
  };
}

function pathOf({ version, plural, namespaced }: ServedKind): string {
  return `/apis/${GROUP}/${version}/${namespaced ? "namespaces/{namespace}/" : ""}${plural}/{name}`;
}

function operations({ kind, version }: ServedKind): object {
  const parameters = ["dryRun", "fieldValidation"].map((name) => ({ name, in: "query", schema: { type: "string", uniqueItems: true } }));
  const responses = { "200": { description: "OK" } };
  const operation = (action: string): object => ({
    parameters,
    responses,
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": { group: GROUP, version, kind },
  });
  return { put: operation("put"), patch: operation("patch"), delete: operation("delete") };
}

function schemaOf(served: ServedKind): object {
  const { kind, version } = served;
  const open = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  return {
    type: "object",
    description: `${kind} of ${apiVersionOf(served)}, as KServe defines it.`,
    properties: { apiVersion: { type: "string" }, kind: { type: "string" }, metadata: { type: "object" }, spec: open, status: open },
    "x-kubernetes-group-version-kind": [{ group: GROUP, version, kind }],
  };
}
