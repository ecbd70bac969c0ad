import type { ModelConfig } from "../../grpc-messages/index.ts";
import { refusal } from "../refusal.ts";

/** Files that a configuration names are in the model's folder. @throws ServeError INVALID_ARGUMENT */
export function checkPaths(config: ModelConfig): void {
  check("default_model_filename", config.defaultModelFilename);
  for (const { labelFilename } of config.output) check("label_filename", labelFilename);
  for (const { inputs } of config.modelWarmup) {
    for (const { inputDataType: data } of Object.values(inputs)) if (data.case === "inputDataFile") check("input_data_file", data.value);
  }
  if (config.schedulingChoice.case !== "sequenceBatching") return;
  for (const { initialState } of config.schedulingChoice.value.state) {
    for (const { stateData: data } of initialState) if (data.case === "dataFile") check("data_file", data.value);
  }
}

function check(field: string, path: string): void {
  if (!path.startsWith("/") && !path.includes("\0") && !path.split("/").includes("..")) return;
  throw refusal(`${field} '${path}' escapes the model's folder; expected a path below it`);
}
