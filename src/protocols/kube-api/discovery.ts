import type { HttpRequest } from "../../core/http.ts";
import type { Endpoint, Endpoints } from "./endpoint.ts";
import { objectReply } from "./presenter.ts";
import { GROUP, SERVED_KINDS, VERSIONS } from "./served-kinds.ts";
import { unknownResource } from "./status.ts";

/** Kubernetes' release whose shapes are answered here; clients compare it with their own. */
const KUBERNETES = { major: "1", minor: "32" };

const VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"];

/** What is served, as client libraries and kubectl ask for it. `version` is this server's own. */
export function createDiscoveryEndpoints(version: string): Endpoints {
  const versionInfo = answering({
    ...KUBERNETES,
    gitVersion: `v${KUBERNETES.major}.${KUBERNETES.minor}.0+nitrous-${version}`,
    gitCommit: "",
    gitTreeState: "",
    buildDate: "",
    goVersion: "",
    compiler: "",
    platform: `${process.platform}/${process.arch}`,
  });
  const versions = answering({ kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs: [] });
  const groups = answering({ kind: "APIGroupList", apiVersion: "v1", groups: [group()] });
  return {
    // Kubernetes' OpenAPI document has a slash at the end of these, kubectl has none.
    "/version": versionInfo,
    "/version/": versionInfo,
    "/api": versions,
    "/api/": versions,
    "/api/v1": answering(CORE_RESOURCES),
    "/apis": groups,
    "/apis/": groups,
    "/apis/{group}": {
      GET: ({ params }) => (params.group === GROUP ? objectReply({ kind: "APIGroup", apiVersion: "v1", ...group() }) : unknownResource()),
    },
    "/apis/{group}/{version}": { GET: resourcesReply },
  };
}

function answering(object: object): Endpoint {
  return { GET: () => objectReply(object) };
}

const CORE_RESOURCES = {
  kind: "APIResourceList",
  apiVersion: "v1",
  groupVersion: "v1",
  resources: [
    { name: "events", singularName: "event", namespaced: true, kind: "Event", verbs: ["get", "list", "watch"], shortNames: ["ev"] },
    { name: "namespaces", singularName: "namespace", namespaced: false, kind: "Namespace", verbs: ["get", "list"], shortNames: ["ns"] },
  ],
};

function group(): object {
  const versions = VERSIONS.map((version) => ({ groupVersion: `${GROUP}/${version}`, version }));
  return { name: GROUP, versions, preferredVersion: versions[0] };
}

function resourcesReply({ params }: HttpRequest): ReturnType<typeof objectReply> {
  const version = VERSIONS.find((candidate) => candidate === params.version);
  if (params.group !== GROUP || version === undefined) return unknownResource();
  const resources = SERVED_KINDS.filter((served) => served.version === version).map(
    ({ plural, singular, namespaced, kind, shortNames }) => ({
      name: plural,
      singularName: singular,
      namespaced,
      kind,
      verbs: VERBS,
      ...(shortNames === undefined ? {} : { shortNames, categories: ["all"] }),
    }),
  );
  return objectReply({ kind: "APIResourceList", apiVersion: "v1", groupVersion: `${GROUP}/${version}`, resources });
}
