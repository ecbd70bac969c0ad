import { access, constants, mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { TlsFiles } from "./access/index.ts";
import { messageOf } from "./core/errors.ts";
import type { HttpServerOptions } from "./server/index.ts";
import { DEFAULT_STATE_DIRECTORY, type Settings, SettingsError } from "./settings.ts";
import { type OpenedState, openStore, openStoreOrTemporary } from "./store/index.ts";

/** Who decides which models of the command line are loaded. */
export interface ModelControl {
  readonly mode: Settings["model-control"];
  /** Names of models to load at the start. */
  readonly loads: readonly string[] | "all";
  /** Milliseconds between two looks at files. */
  readonly pollMs: number;
}

/** @throws SettingsError in Triton's words for models to load where clients have no say */
export function controlOf(settings: Pick<Settings, "model-control" | "load-model" | "repository-poll-secs">): ModelControl {
  const { "model-control": mode, "load-model": names, "repository-poll-secs": seconds } = settings;
  if (names.length > 0 && mode !== "explicit")
    throw new SettingsError("Use of '--load-model' requires setting '--model-control=explicit' as well.");
  if (names.includes("*") && names.length > 1)
    throw new SettingsError("Wildcard model name '*' must be the ONLY startup model if specified: give --load-model='*' once, or names");
  return { mode, loads: names.includes("*") ? "all" : names, pollMs: seconds * 1_000 };
}

/** What one client may ask of the server, over any transport. */
export function limitsOf(settings: Settings): NonNullable<HttpServerOptions["limits"]> {
  return {
    maxConnections: settings["max-connections"],
    headerTimeoutMs: settings["header-timeout"],
    bodyTimeoutMs: settings["body-timeout"],
    answerTimeoutMs: settings["answer-timeout"],
    maxDecompressionRatio: settings["max-decompression-ratio"],
    maxBodyMemory: settings["max-body-memory"],
  };
}

/** Where requests are recorded, if they are. */
export function recordingOf(
  settings: Settings,
): { readonly file: string; readonly bodies: boolean; readonly maxBytes: number; readonly requestTimeoutMs: number } | undefined {
  const { record: file, "record-bodies": bodies, "record-max-bytes": maxBytes, "request-timeout": requestTimeoutMs } = settings;
  return file === undefined ? undefined : { file: resolve(file), bodies: bodies === "on", maxBytes, requestTimeoutMs };
}

/** Makes the folder for the log files of clients, where there is to be one. @throws SettingsError */
export async function makeLogDirectory({ "log-directory": directory }: Settings): Promise<void> {
  if (directory === undefined) return;
  await mkdir(directory, { recursive: true }).catch((error: Error) => {
    throw new SettingsError(`--log-directory: ${error.message}`);
  });
}

/** Traces may come much later, when nobody looks any more. @throws SettingsError for a file that cannot be written */
export async function checkTraceFile({ "trace-file": file }: Settings): Promise<void> {
  if (file === undefined) return;
  try {
    const present = await stat(file).catch(() => undefined);
    if (present?.isDirectory()) throw new Error(`${file} is a folder`);
    await access(present === undefined ? dirname(resolve(file)) : file, constants.W_OK);
  } catch (error) {
    throw new SettingsError(`--trace-file: ${messageOf(error)}`);
  }
}

/** @throws SettingsError when one of the two is missing */
export function tlsFilesOf({ "tls-cert": cert, "tls-key": key }: Settings): TlsFiles | undefined {
  if (cert !== undefined && key !== undefined) return { cert: resolve(cert), key: resolve(key) };
  if (cert === undefined && key === undefined) return undefined;
  throw new SettingsError(cert === undefined ? "--tls-key needs --tls-cert" : "--tls-cert needs --tls-key");
}

/**
 * A server that has models to serve and was not told where its state is does without one when the default is in use, so that two
 * `nitrous serve model.onnx` run side by side.
 */
export async function openState(
  { "state-dir": chosen }: Settings,
  hasPaths: boolean,
  onFault: (error: Error) => void,
): Promise<OpenedState> {
  if (chosen === undefined && hasPaths) return await openStoreOrTemporary(DEFAULT_STATE_DIRECTORY, { onFault });
  return { store: await openStore(chosen ?? DEFAULT_STATE_DIRECTORY, { onFault }), notice: undefined };
}
