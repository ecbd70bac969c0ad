/** Where a configuration comes from, and what is known of its model. */
export interface ConfigurationSource {
  /** What messages begin with, such as "models/simple/config.pbtxt"; empty for nothing. */
  readonly file: string;
  /** Of the model's folder. A configuration that names the model must name this one. */
  readonly name: string;
  /** What is in the folder of one of its versions: by "model.onnx" a configuration that names no backend gets one. */
  readonly versionFiles?: readonly string[];
  /** The loaded model has said what it can: what is not there is missing. */
  readonly complete?: boolean;
  /** Of a loaded model: the GPUs that it is on, by index, which decide what instances of kind KIND_AUTO are. */
  readonly gpus?: readonly number[];
}
