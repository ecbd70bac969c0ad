import { create } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { ServeError } from "../core/errors.ts";
import type { JsonObject } from "../core/inference.ts";
import type { ModelConfiguration } from "../core/model-configuration.ts";
import { type ModelConfig, ModelConfigSchema } from "../grpc-messages/index.ts";
import { completeBackend, ENSEMBLE } from "./backends.ts";
import { checkConfiguration } from "./checks/check-configuration.ts";
import { configurationOf } from "./configuration-of.ts";
import { parseObject, readJson } from "./json/read-json.ts";
import { nameInstances, normalise, normaliseInstances } from "./normalise.ts";
import { refusal } from "./refusal.ts";
import type { ConfigurationSource } from "./source.ts";
import { readText } from "./text/read-text.ts";

/**
 * Reads a config.pbtxt: the text format of protocol buffers, for Triton's ModelConfig. An empty text is that of a model without one.
 * @throws ServeError INVALID_ARGUMENT with file, line and column for a text that is none, else in the words of Triton's checks
 */
export function readModelConfiguration(text: string, source: ConfigurationSource): ModelConfiguration {
  const config = create(ModelConfigSchema);
  const given = readText({ file: source.file, text }, reflect(ModelConfigSchema, config));
  return inFile(source, () => checked(config, given, source));
}

/**
 * Reads the same from JSON, as protobuf does: names in snake or camel case, numbers also as text.
 * @param value its text, or what has been parsed already
 * @throws ServeError INVALID_ARGUMENT
 */
export function readModelConfigurationJson(value: string | JsonObject, source: ConfigurationSource): ModelConfiguration {
  return inFile(source, () => {
    const config = create(ModelConfigSchema);
    const given = readJson(typeof value === "string" ? parseObject(value) : value, reflect(ModelConfigSchema, config));
    return checked(config, given, source);
  });
}

function checked(config: ModelConfig, given: ReadonlySet<string>, source: ConfigurationSource): ModelConfiguration {
  if (config.name === "") config.name = source.name;
  completeBackend(config, source);
  // An ensemble has nothing to load that could say it.
  const saysRows = given.has("max_batch_size") || source.complete === true || config.platform === ENSEMBLE;
  const maxBatchSize = saysRows ? config.maxBatchSize : undefined;
  nameInstances(config);
  checkConfiguration(config, { maxBatchSize, complete: source.complete === true });
  if (config.name !== source.name) {
    throw refusal(
      `unexpected directory name '${source.name}' for model '${config.name}', directory name must equal model name; name it '${source.name}' or leave the name out`,
    );
  }
  normalise(config);
  if (source.complete === true) normaliseInstances(config, source.gpus ?? []);
  return configurationOf(config, maxBatchSize);
}

function inFile<Value>({ file }: ConfigurationSource, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof ServeError && file !== "") throw new ServeError(error.code, `${file}: ${error.message}`, { cause: error });
    throw error;
  }
}
