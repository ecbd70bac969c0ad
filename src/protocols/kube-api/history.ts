import type { Resources } from "../../core/planes.ts";
import { jsonReply, writeJson } from "../shared/index.ts";
import type { Endpoints } from "./endpoint.ts";
import { assertName, assertNamespace } from "./names.ts";

/** What became of the last revisions of a service, with their specs: `{"revisions": [...]}`, ascending by generation. */
export function createHistoryEndpoints(resources: Pick<Resources, "history">): Endpoints {
  return {
    "/nitrous/namespaces/{namespace}/inferenceservices/{name}/revisions": {
      GET({ params: { namespace = "", name = "" } }) {
        assertNamespace(namespace);
        assertName(name);
        const revisions = resources.history({ kind: "InferenceService", namespace, name });
        return jsonReply(writeJson({ revisions } as never));
      },
      target: ({ params: { namespace = "", name = "" } }) => ({ namespace, name }),
      subject: ({ params }) => ({ kind: "InferenceService", plural: "inferenceservices", group: "serving.kserve.io", name: params.name }),
    },
  };
}
