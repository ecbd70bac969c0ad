export {
  type CustomContext,
  type CustomMethod,
  type CustomModel,
  type CustomTensor,
  type Declarations,
  defineMethod,
  defineModel,
  type InputsOf,
  type OutputsOf,
  type Specifications,
  type TensorOf,
} from "./hosts/node/custom-model.ts";
export { type NitrousServer, type ServeOptions, serve } from "./serve.ts";
export { readSettings, type Settings, SettingsError } from "./settings.ts";
