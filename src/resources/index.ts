export { ANNOTATIONS } from "./annotations.ts";
export { readBuiltInRuntimes } from "./built-in-runtimes.ts";
export type { ContainerPlaces } from "./containers/read-container.ts";
export {
  isElsewhere,
  readUpstream,
  type ServerNeeds,
  serverNeeds,
} from "./containers/read-upstream.ts";
export { decisiveAnnotations, withDecisive } from "./decisive-annotations.ts";
export { deviceWishOf } from "./device-wish.ts";
export type { FieldPath } from "./field-path.ts";
export { toInferenceService } from "./inference-service.ts";
export {
  type Manifest,
  type ManifestProblem,
  type Manifests,
  readManifests,
} from "./manifests.ts";
export { type FoundModels, readModels } from "./model-folder.ts";
export { withOrigin } from "./origin.ts";
export { type ReadDocument, readDocument, readDocuments } from "./read-documents.ts";
export { keepsAnswers } from "./response-cache-annotation.ts";
export type { RuntimeQuestion } from "./runtime-question.ts";
export { SCHEDULING_ANNOTATIONS } from "./scheduling-annotations.ts";
export { type Candidate, type RuntimeChoice, selectRuntime } from "./select-runtime.ts";
export { readServerModel } from "./server-model.ts";
export { readServiceModel } from "./service-model.ts";
export { readServiceRepository } from "./service-repository.ts";
export { toServingRuntime } from "./serving-runtime.ts";
export { shadowOf } from "./shadow-annotations.ts";
export {
  affinityHeader,
  type CanarySpec,
  canarySpecs,
  canaryTrafficPercent,
  predictorName,
  promotedSpec,
  templateOf,
  versionTraffic,
  wholeSpec,
} from "./traffic-fields.ts";
export { assertSameMemory, memoryLimitOf, toTrainedModel, trainedSpec } from "./trained-model.ts";
export type { TritonArguments } from "./triton-arguments.ts";
export { chosenVersions, configurationFile, type TritonOptions } from "./triton-models.ts";
export { runsOwnServer, tritonRepositoryOf } from "./triton-service.ts";
export type { ValidDocument } from "./valid-document.ts";
export { type ValidationOptions, validateDocument } from "./validate-document.ts";
export { isWatched } from "./watch-annotation.ts";
export { watchPath } from "./watch-path.ts";
