export { type Code, ServeError } from "./core/errors.ts";
export {
  type CreateServerOptions,
  createServer,
  type HandleInputs,
  type HandleOutputs,
  type Server,
  type ServerModels,
} from "./create-server.ts";
export type { InProgramOptions } from "./embedded-models.ts";
export {
  type HandleFuture,
  type HandleStatus,
  type HttpHandleOptions,
  type Indexed,
  type InputList,
  type InputValue,
  type InputValues,
  type MapOptions,
  type MethodHandle,
  type ModelHandle,
  type OutputTensor,
  type OutputValues,
  openHandle,
  type RunOptions,
} from "./handles/index.ts";
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
