export { stampOf } from "./artefact-files.ts";
export { ArtefactWatch } from "./artefact-watch.ts";
export { adoptModels, trustedAs } from "./folder-models.ts";
export { HostLogs } from "./host-logs.ts";
export { applyManifests } from "./manifest-applier.ts";
export { Reconciler } from "./reconciler.ts";
export { ResourceTable } from "./resource-table.ts";
export { ServiceEvents } from "./service-events.ts";
