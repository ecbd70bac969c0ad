import type { HttpRequest } from "../../core/http.ts";
import type { ModelStatus } from "../../core/model.ts";
import type { ControlPlane } from "../../core/planes.ts";
import { namespaceOf } from "./target.ts";

/** OpenAI's Model object (platform.openai.com/docs/api-reference/models/object). */
export interface OpenAiModel {
  readonly id: string;
  readonly object: "model";
  /** Seconds since 1970; 0 for what no resource says of. */
  readonly created: number;
  readonly owned_by: string;
}

/** Its own server does. */
export function speaksOpenAi({ protocols }: ModelStatus): boolean {
  return protocols.includes("openai");
}

/** Every model of the request's namespace that speaks OpenAI's protocol, once; below a service's prefix only that. */
export function openAiModels(controlPlane: Pick<ControlPlane, "list" | "resources">, request: HttpRequest): OpenAiModel[] {
  const { service } = request.params;
  const namespace = namespaceOf(request);
  const speaking = controlPlane
    .list()
    .filter((status) => status.namespace === namespace && speaksOpenAi(status) && (service === undefined || status.name === service));
  const byName = new Map(speaking.map((status) => [status.name, status]));
  return [...byName.values()].map((status) => openAiModel(controlPlane, status));
}

export function openAiModel({ resources }: Pick<ControlPlane, "resources">, { namespace, name }: ModelStatus): OpenAiModel {
  return { id: name, object: "model", created: createdAt(resources, namespace, name), owned_by: "nitrous" };
}

function createdAt(resources: ControlPlane["resources"], namespace: string, name: string): number {
  try {
    const { metadata } = resources.get({ kind: "InferenceService", namespace, name });
    return Math.floor(Date.parse(metadata.creationTimestamp) / 1000);
  } catch {
    return 0;
  }
}
