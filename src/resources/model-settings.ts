import type { JsonObject, JsonValue } from "../core/inference.ts";

/** Arguments of KServe's model servers that are about the server and not about its model; here the server has its own. */
const SERVER_ARGUMENTS = new Set([
  "model_name",
  "model_dir",
  "http_port",
  "grpc_port",
  "workers",
  "max_threads",
  "max_asyncio_workers",
  "enable_grpc",
  "enable_docs_url",
  "enable_latency_logging",
  "configure_logging",
  "log_config_file",
  "access_log_format",
]);

/**
 * The arguments of a model's container as settings of its loader: `--key=value`, `--key value` and `--flag` become
 * `{ key: "value", flag: true }`, with `_` for `-` in names as in Python's parsers. What is no option is left out.
 */
export function settingsOf(args: readonly JsonValue[]): JsonObject {
  const settings: JsonObject = {};
  const words = args.map(String);
  for (let index = 0; index < words.length; index++) {
    const [, name, value] = /^--([A-Za-z][\w.-]*)(?:=([\s\S]*))?$/.exec(words[index] as string) ?? [];
    if (name === undefined) continue;
    const next = words[index + 1];
    const takesNext = value === undefined && next !== undefined && !next.startsWith("--");
    if (takesNext) index++;
    const key = name.replaceAll("-", "_");
    if (!SERVER_ARGUMENTS.has(key)) settings[key] = value ?? (takesNext ? next : true);
  }
  return settings;
}
