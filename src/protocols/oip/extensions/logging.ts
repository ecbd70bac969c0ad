import { lstatSync } from "node:fs";
import { isAbsolute, join, normalize } from "node:path";
import { ServeError } from "../../../core/errors.ts";
import type { JsonValue } from "../../../core/inference.ts";
import type { LogSettings } from "../../../core/log-settings.ts";
import { type JsonObject, unexpected } from "../../shared/index.ts";

/** Triton's logging extension, the same over REST and gRPC. */
export interface LogSettingsAnswer {
  readonly log_file: string;
  readonly log_info: boolean;
  readonly log_warning: boolean;
  readonly log_error: boolean;
  readonly log_verbose_level: number;
  readonly log_format: "default" | "ISO8601";
}

export function logSettings({ file, info, warning, error, verboseLevel, format }: LogSettings): LogSettingsAnswer {
  return { log_file: file, log_info: info, log_warning: warning, log_error: error, log_verbose_level: verboseLevel, log_format: format };
}

const NAMES = ["log_file", "log_info", "log_warning", "log_error", "log_verbose_level", "log_format"];

/**
 * Changes what the request names, all of it or nothing; null changes nothing.
 * @param directory where clients may have logs written; undefined for nowhere
 * @throws ServeError UNIMPLEMENTED for a file that clients may not name, INVALID_ARGUMENT
 */
export function changeLogSettings(settings: LogSettings, wanted: JsonObject, directory: string | undefined): LogSettingsAnswer {
  const unknown = Object.keys(wanted).find((name) => !NAMES.includes(name));
  if (unknown !== undefined)
    throw new ServeError("INVALID_ARGUMENT", `unknown log setting '${unknown.slice(0, 100)}'; there are ${NAMES.join(", ")}`);
  const next: LogSettings = { ...settings };
  if (isGiven(wanted.log_file)) next.file = fileOf(wanted.log_file, directory);
  if (isGiven(wanted.log_info)) next.info = truth(wanted.log_info, "log_info");
  if (isGiven(wanted.log_warning)) next.warning = truth(wanted.log_warning, "log_warning");
  if (isGiven(wanted.log_error)) next.error = truth(wanted.log_error, "log_error");
  if (isGiven(wanted.log_verbose_level)) next.verboseLevel = level(wanted.log_verbose_level);
  if (isGiven(wanted.log_format)) next.format = format(wanted.log_format);
  Object.assign(settings, next);
  return logSettings(settings);
}

function isGiven(value: JsonValue | undefined): value is NonNullable<JsonValue> {
  return value !== undefined && value !== null;
}

/** Empty ends the file. A client names a file of the one directory that the operator gave. */
function fileOf(value: JsonValue, directory: string | undefined): string {
  if (directory === undefined) {
    throw new ServeError(
      "UNIMPLEMENTED",
      "log file location can not be updated through network protocol: the server was started without --log-directory",
    );
  }
  if (typeof value !== "string") throw unexpected("log_file", "the name of a file", value);
  if (value === "") return "";
  const path = normalize(isAbsolute(value) ? value : join(directory, value));
  const name = path.startsWith(`${directory}/`) ? path.slice(directory.length + 1) : "";
  // No folders below it: a link among them could lead elsewhere.
  if (/^[\w][\w.-]{0,127}$/.test(name)) {
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile() ?? true) return path;
    throw new ServeError(
      "INVALID_ARGUMENT",
      `log_file: ${name} in the directory that --log-directory names is no file; links are not followed`,
    );
  }
  throw unexpected("log_file", "the name of a file in the directory that --log-directory names, such as server.log", value);
}

function truth(value: JsonValue, name: string): boolean {
  if (typeof value === "boolean") return value;
  throw unexpected(name, "true or false", value);
}

function level(value: JsonValue): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 31) return value;
  throw unexpected("log_verbose_level", "a whole number that is not negative", value);
}

function format(value: JsonValue): LogSettings["format"] {
  if (value === "default" || value === "ISO8601") return value;
  throw new ServeError(
    "INVALID_ARGUMENT",
    `invalid argument for --log_format, got: ${String(value).slice(0, 100)}; there are default and ISO8601`,
  );
}
