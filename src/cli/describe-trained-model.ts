import type { ApiObject } from "./api-objects.ts";
import { conditionsTable, eventsTable } from "./describe-service.ts";
import { metadataFields, renderFields, renderSection } from "./describe-text.ts";
import type { ServerEvent } from "./event-rows.ts";
import { TRAINED_MODELS } from "./kinds.ts";
import { readiness, stateInWord, statusOf, whyNotReady } from "./service-status.ts";
import type { Terminal } from "./terminal.ts";
import { trainedModelFields } from "./trained-model-rows.ts";

/** A TrainedModel for people. `events` oldest first. */
export function describeTrainedModel(object: ApiObject, events: readonly ServerEvent[], terminal: Terminal): string {
  const { metadata, spec } = object;
  const { inferenceService, model } = trainedModelFields(spec);
  const status = statusOf(object);
  const ready = readiness(status);
  return [
    renderFields(
      [
        ["Name", metadata.name, "bold"],
        ["Namespace", metadata.namespace],
        ["Kind", `${TRAINED_MODELS.kind} (${TRAINED_MODELS.apiVersion})`],
        ...metadataFields(object, terminal.now()),
        ["In the server of", `${inferenceService} (InferenceService)`],
        ["Framework", model.framework],
        ["Source", model.storageUri],
        ["Memory", model.memory],
        ["URL", status.url],
        ["Ready", ready, ready === "True" ? "green" : "red"],
        ["State", stateInWord(object, status)],
        ["Why not", ready === "True" ? undefined : whyNotReady(status)],
      ],
      terminal,
    ),
    renderSection("Conditions", conditionsTable(status, terminal), terminal),
    renderSection("Events", eventsTable(events, terminal), terminal),
  ].join("");
}
