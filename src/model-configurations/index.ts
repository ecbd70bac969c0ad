export { type ConfigurationCompletion, completeConfiguration } from "./complete-configuration.ts";
export { completedScheduling } from "./completed-scheduling.ts";
export { configuredDatatype } from "./datatypes.ts";
export { readModelConfiguration, readModelConfigurationJson } from "./read-configuration.ts";
export type { ConfigurationSource } from "./source.ts";
export { type ConfiguredSpecFields, specFieldsOf } from "./spec-fields.ts";
