import { z } from "zod";
import { closestNames } from "../core/closest.ts";
import type { JsonObject } from "../core/inference.ts";
import type { ResourceKind } from "../core/resource.ts";
import type { Finding } from "./field-path.ts";
import { isMap, textIn } from "./json-fields.ts";
import { inferenceServiceSchema } from "./schema/inference-service.ts";
import { clusterServingRuntimeSchema, servingRuntimeSchema } from "./schema/serving-runtime.ts";
import { fields, oneOf, text } from "./schema/terms.ts";
import { trainedModelSchema } from "./schema/trained-model.ts";

const SCHEMAS: Readonly<Record<ResourceKind, z.ZodObject>> = {
  InferenceService: inferenceServiceSchema,
  ServingRuntime: servingRuntimeSchema,
  ClusterServingRuntime: clusterServingRuntimeSchema,
  TrainedModel: trainedModelSchema,
};
const KINDS = Object.keys(SCHEMAS) as ResourceKind[];
const GROUP = "serving.kserve.io";

/** Kinds of KServe that this version does not keep. */
const OTHERS_OF_KSERVE = [
  "InferenceGraph",
  "LLMInferenceService",
  "LLMInferenceServiceConfig",
  "ClusterStorageContainer",
  "LocalModelCache",
  "LocalModelNamespaceCache",
  "LocalModelNode",
  "LocalModelNodeGroup",
];

/** For documents of which no kind can be told. */
const anyKind = fields({ apiVersion: text, kind: oneOf(...KINDS) }, { metadata: z.unknown(), spec: z.unknown(), status: z.unknown() });

/** What a document has to match, or why it is none of this server's resources. */
export function schemaFor(document: JsonObject): z.ZodObject | Finding {
  const kind = textIn(document, "kind");
  const apiVersion = textIn(document, "apiVersion");
  const known = KINDS.find((each) => each === kind);
  if (known !== undefined) return SCHEMAS[known];
  const ofNos = kind === undefined && apiVersion === undefined && ["models", "images"].find((key) => isMap(document[key]));
  if (typeof ofNos === "string")
    return { path: [ofNos], message: "this is a catalog of NOS and no resource: serve it with nitrous serve and its path" };
  const kept = `this version keeps ${KINDS.join(", ")}`;
  if (kind === undefined) return apiVersion === `${GROUP}/v1beta1` ? inferenceServiceSchema : anyKind;
  if (OTHERS_OF_KSERVE.includes(kind))
    return { path: ["kind"], message: `${kind} is a kind of KServe that this version does not know; ${kept}` };
  if (apiVersion !== undefined && !apiVersion.startsWith(`${GROUP}/`) && closestNames(kind, KINDS).length === 0)
    return { path: ["kind"], message: `${kind} (${apiVersion}) is a kind of Kubernetes that nitrous has no use for; ${kept}` };
  const [closest] = closestNames(kind, KINDS) as ResourceKind[];
  return closest === undefined ? anyKind : SCHEMAS[closest];
}
