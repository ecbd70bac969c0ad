export type { CustomContext, CustomModel, CustomTensor } from "./hosts/node/custom-model.ts";
export { type NitrousServer, type ServeOptions, serve } from "./serve.ts";
export { readSettings, type Settings, SettingsError } from "./settings.ts";
